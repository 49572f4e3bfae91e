import re
import tarfile

import pytest
import tensorflow as tf

from preprocessing.errors import InputError
from preprocessing.tokenizer import BertTokenizer
from preprocessing.vocabulary import load_vocabulary
from tests.conftest import SPECIAL_TOKENS, sample_texts
from tests.preprocessing.hard_texts import HARD_TEXTS
from tests.preprocessing.reference import reference_tokenizer

STRINGS = [tf.TensorSpec([None], tf.string)]
CASING = pytest.mark.parametrize("lowercase", [True, False], ids=["uncased", "cased"])


class Tokenizers:
    """Ours and the reference, of one vocabulary and casing."""

    def __init__(self, vocabulary_path, lowercase):
        self.lowercase = lowercase
        self.vocabulary = load_vocabulary(vocabulary_path)
        tokenizer = BertTokenizer(self.vocabulary, lowercase)
        self._ids = tf.function(tokenizer.tokenize, STRINGS)
        self._ids_and_offsets = tf.function(tokenizer.tokenize_with_offsets, STRINGS)
        self._reference = reference_tokenizer(vocabulary_path, lowercase)

    def ids(self, texts):
        return self._ids(tf.constant(texts, tf.string)).to_list()

    def tokens(self, text):
        return [self.vocabulary[i] for i in self.ids([text])[0]]

    def offsets(self, text):
        """[(token, start, end)] of one text."""
        ids, starts, ends = (column.to_list()[0] for column in self._ids_and_offsets([text]))
        return list(zip([self.vocabulary[i] for i in ids], starts, ends, strict=True))

    def offset_columns(self, texts):
        """ids, starts and ends of all texts."""
        columns = self._ids_and_offsets(tf.constant(texts, tf.string))
        return [column.to_list() for column in columns]

    def reference(self, texts):
        return self._reference.encode_batch(texts, add_special_tokens=False)

    def differences(self, texts, batch_size=512):
        """The texts whose ids are not the reference's."""
        found = []
        for start in range(0, len(texts), batch_size):
            batch = texts[start : start + batch_size]
            rows = zip(batch, self.ids(batch), self.reference(batch), strict=True)
            found += [text for text, ids, expected in rows if ids != expected.ids]
        return found


@pytest.fixture(scope="module")
def uncased(vocabulary_path):
    return Tokenizers(vocabulary_path, lowercase=True)


@pytest.fixture(scope="module")
def tokenizers(vocabulary_path, uncased):
    return {True: uncased, False: Tokenizers(vocabulary_path, lowercase=False)}


@CASING
@pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
def test_ids_of_hard_texts_equal_the_reference(tokenizers, lowercase, text):
    assert tokenizers[lowercase].differences([text]) == []


@CASING
def test_ids_of_the_samples_equal_the_reference(tokenizers, lowercase, sample_dir):
    texts = list(sample_texts(sample_dir))
    assert len(texts) > 1500
    assert tokenizers[lowercase].differences(texts) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Café CAFE\u0301", ["caf", "##e", "caf", "##e"], id="accents"),
        pytest.param("a[SEP]b", ["a", "[", "sep", "]", "b"], id="special-token-as-text"),
        pytest.param("be\u00adll\u200b", ["bell"], id="format-characters"),
        pytest.param("ΟΔΟΣ", ["ο", "##δ", "##ο", "##σ"], id="final-sigma"),
        pytest.param("电a影", ["电", "a", "影"], id="chinese"),
        pytest.param("a" * 101, ["[UNK]"], id="long-word"),
    ],
)
def test_tokens(text, expected):
    pieces = ["caf", "##e", "a", "b", "[", "]", "sep", "bell", "ο", "##δ", "##ο", "##σ", "电", "影"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces]
    (ids,) = BertTokenizer(vocabulary).tokenize(tf.constant([text])).to_list()
    assert [vocabulary[i] for i in ids] == expected


@pytest.fixture(scope="module")
def offset_pieces(tmp_path_factory):
    path = tmp_path_factory.mktemp("offsets") / "vocab.txt"
    pieces = "caf ##e e x ##x bell i ß ο ##σ a - . 电 影"
    path.write_text(" ".join([*SPECIAL_TOKENS, pieces]).replace(" ", "\n"), encoding="utf-8")
    return Tokenizers(path, lowercase=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("\x00\x07\u200b\ufeff", [], id="only-control"),
        pytest.param("cafe\u0301 x", [("caf", 0, 3), ("##e", 3, 5), ("x", 6, 7)], id="decomposed"),
        pytest.param("café x", [("caf", 0, 3), ("##e", 3, 4), ("x", 5, 6)], id="precomposed"),
        pytest.param("e\u0323\u0302 e", [("e", 0, 3), ("e", 4, 5)], id="stacked-marks"),
        pytest.param("\u0301e", [("e", 1, 2)], id="mark-first"),
        pytest.param(
            "x \U0001f600\U0001f600 x", [("x", 0, 1), ("[UNK]", 2, 4), ("x", 5, 6)], id="emoji"
        ),
        pytest.param("\x07b\x07e\u00adl\x07l\x07", [("bell", 1, 8)], id="control-characters"),
        pytest.param("İx", [("i", 0, 1), ("##x", 1, 2)], id="capital-dotted-i"),
        pytest.param("ßx", [("ß", 0, 1), ("##x", 1, 2)], id="sharp-s"),
        pytest.param("ΟΣ", [("ο", 0, 1), ("##σ", 1, 2)], id="final-sigma"),
        pytest.param(
            "a-x.", [("a", 0, 1), ("-", 1, 2), ("x", 2, 3), (".", 3, 4)], id="punctuation"
        ),
        pytest.param("电影x", [("电", 0, 1), ("影", 1, 2), ("x", 2, 3)], id="chinese"),
        pytest.param("x\u202f\u3000x", [("x", 0, 1), ("x", 3, 4)], id="wide-spaces"),
    ],
)
def test_offsets(offset_pieces, text, expected):
    assert offset_pieces.offsets(text) == expected


def test_offsets_of_a_batch_are_those_of_each_text(uncased):
    texts = list(HARD_TEXTS.values())
    rows = zip(*uncased.offset_columns(texts), strict=True)
    for text, (ids, starts, ends) in zip(texts, rows, strict=True):
        tokens = [uncased.vocabulary[i] for i in ids]
        assert list(zip(tokens, starts, ends, strict=True)) == uncased.offsets(text)


def test_no_texts_give_no_rows(uncased):
    assert uncased.offset_columns(tf.constant([], tf.string)) == [[], [], []]


@CASING
@pytest.mark.realdata
def test_ids_of_all_real_reviews_equal_the_reference(real_vocabulary_path, lowercase, real_data):
    with tarfile.open(real_data / "aclImdb_v1.tar.gz") as archive:
        reviews = [
            archive.extractfile(member).read().decode()
            for member in archive
            if re.search(r"/(train|test)/(pos|neg)/.*\.txt$", member.name)
        ]
    assert len(reviews) == 50_000
    assert Tokenizers(real_vocabulary_path, lowercase).differences(reviews) == []


def test_offsets_count_each_invalid_sequence_as_one_character():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "c"]
    columns = BertTokenizer(vocabulary).tokenize_with_offsets(tf.constant([b"a\xffb c"]))
    assert [column.to_list() for column in columns] == [[[4, 5, 6]], [[0, 2, 4]], [[1, 3, 5]]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "cannot read the vocabulary (No such file", id="missing"),
        pytest.param(b"\xff\xfe", "not UTF-8 at byte 0", id="not-utf8"),
        pytest.param(
            b"{}", "a vocabulary of 1 tokens without [PAD], [UNK], [CLS], [SEP]", id="json"
        ),
        pytest.param(b"[PAD]\n[UNK]\n[CLS]\na\n", "without [SEP]", id="no-separator"),
        pytest.param(
            b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\na\n", "token 'a' stands there twice", id="twice"
        ),
        pytest.param(
            b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n" + b"x" * 257, "line 5 has 257 bytes", id="long-token"
        ),
    ],
)
def test_load_vocabulary_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_vocabulary(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_load_vocabulary_keeps_the_order(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nz\r\na\r\n")
    assert load_vocabulary(path) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "z", "a"]
