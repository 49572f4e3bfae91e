"""Every code point, and generated strings of all planes, against `tokenizers`.

The vocabulary has nearly every character, as a word and as a suffix, so that what becomes of each
can be seen; and longer tokens of the characters that are generated most often.
"""

import itertools
import json
import random
import re
import unicodedata

import hypothesis
import hypothesis.strategies as st
import pytest
import tensorflow as tf
from tokenizers import normalizers, pre_tokenizers

from tests.conftest import SPECIAL_TOKENS
from tests.preprocessing.hard_texts import HARD_TEXTS
from tests.preprocessing.test_tokenizer import CASING, Tokenizers

CODE_POINTS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
ALL_CHARACTERS = [chr(code) for code in CODE_POINTS]
# All planes in use but the private ones.
ASSIGNED = [chr(code) for code in CODE_POINTS if code < 0x32000 or 0xE0000 <= code < 0xE0200]
NFD = normalizers.NFD()
NORMALIZERS = {
    lowercase: normalizers.BertNormalizer(strip_accents=lowercase, lowercase=lowercase)
    for lowercase in (True, False)
}
COMMON = [
    *"abcdeABC",
    *"éÄßıİΣσς",
    *"中文가각조",
    *"あが",
    *"кйё",
    "\U00010400",
    "\u0915",
    "\u093f",
]
SEPARATORS = [*" .,'-_$\t\n\r\u00a0\u3000", "\u060c", "\u166d", "\U0001f600"]
INVISIBLE = [*"\x00\x07\x85\u200b\u200d\u00ad\ufeff\ufffd", "\ue000", "\U0010fffd", "\uffff"]
MARKS = [
    *"\u0301\u0308\u0323\u0334\u0344\u0f73\u0c48",  # dropped; the last one is a starter
    *"\u08d4\u1b44\u302e\u302f\U0001d165\U0001d16d\U0001d16e\U0001d160\U0001e94a",  # kept
]
# TF Text's op cuts at these, `tokenizers` does not.
UNSPLIT = [*"\u061d\u2e43\u2e5d\U00011a3f\U0002b820\U0002b91f"]
OFTEN = [*COMMON, *COMMON, *SEPARATORS, *INVISIBLE, *MARKS, *MARKS, *UNSPLIT]


@pytest.fixture(scope="module")
def rich_vocabulary_path(tmp_path_factory):
    seen = [c for c in ASSIGNED if c > " " and not c.isspace()]
    letters = [c for c in (*COMMON, *MARKS, *UNSPLIT) if unicodedata.category(c) != "Lu"]
    pairs = ["".join(pair) for pair in itertools.product(letters, repeat=2)]
    tokens = [*SPECIAL_TOKENS, *seen, *pairs, *(f"##{token}" for token in [*seen, *pairs[::2]])]
    path = tmp_path_factory.mktemp("rich") / "vocab.txt"
    path.write_text("\n".join(dict.fromkeys(tokens)), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def rich(request, rich_vocabulary_path):
    return Tokenizers(rich_vocabulary_path, request.param)


def in_contexts(characters, contexts, size=512):
    """Texts that have each character in each context."""
    for start in range(0, len(characters), size):
        block = characters[start : start + size]
        yield " ".join(context.format(c) for c in block for context in contexts)


def assert_same_ids(both, texts):
    wrong = both.differences(texts)
    assert not wrong, both.differences(" ".join(wrong).split(" "))


def test_every_character_in_context(rich):
    assert_same_ids(rich, list(in_contexts(ASSIGNED, ["{}", "a{}b"])))
    assert_same_ids(rich, list(in_contexts(sorted({*ALL_CHARACTERS} - {*ASSIGNED}), ["a{}b"])))


@CASING
@pytest.mark.realdata
def test_every_character_in_context_with_a_real_vocabulary(real_vocabulary_path, lowercase):
    both = Tokenizers(real_vocabulary_path, lowercase)
    assert_same_ids(both, list(in_contexts(ALL_CHARACTERS, ["{}", "a{}b", "a{}", "{}b"])))


def is_accent(character):
    """Dropped by uncased vocabularies only."""
    return NORMALIZERS[False].normalize_str(character) and not NORMALIZERS[True].normalize_str(
        character
    )


def ends_in_kept_mark(character):
    """Of uncased vocabularies; NFD moves it behind the U+0334 that follows it."""
    mark = NORMALIZERS[True].normalize_str(character)[-1:]
    return mark != "" and NFD.normalize_str(f"{mark}\u0334") != f"{mark}\u0334"


COMBINING = [c for c in ALL_CHARACTERS if unicodedata.category(c)[0] == "M"]
ACCENTS = re.compile(f"[{''.join(filter(is_accent, COMBINING))}]*")
MUSICAL = map(chr, range(0x1D15E, 0x1D1C1))  # the only others that end in one
KEPT_MARK = re.compile(f"[{''.join(filter(ends_in_kept_mark, [*COMBINING, *MUSICAL]))}]")


def check(both, texts):
    """Ids and slices of all texts."""
    rows = zip(texts, both.reference(texts), *both.offset_columns(texts), strict=True)
    for text, expected, ids, starts, ends in rows:
        assert ids == expected.ids, ascii(text)
        if both.lowercase and KEPT_MARK.search(text):
            check_words(text, expected.word_ids, starts, ends)
            continue
        assert starts == [start for start, _ in expected.offsets], ascii(text)
        last = [end for _, end in expected.offsets]
        if both.lowercase:
            last = [ACCENTS.match(text, end).end() for end in last]
        assert ends == last, ascii(text)
    assert both.ids(texts) == [row.ids for row in both.reference(texts)]


def check_words(text, word_ids, starts, ends):
    """The slices of each word's tokens are in order, and together are what it was made from.

    `tokenizers` gives a mark that NFD moved the place of the character that was there before.
    """
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    normalized = NORMALIZERS[True].normalize_str(text)
    words = [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normalized)]
    for number, tokens in itertools.groupby(range(len(starts)), word_ids.__getitem__):
        first, *rest = tokens
        made_from = text[starts[first] : ends[(rest or [first])[-1]]]
        assert NORMALIZERS[True].normalize_str(made_from).strip() == words[number], ascii(text)


def test_hard_texts(rich):
    check(rich, list(HARD_TEXTS.values()))


REPEATED = st.builds(lambda text, times: text * times, st.text(max_size=2), st.integers(1, 120))
TEXTS = st.lists(st.text(st.sampled_from(OFTEN)) | st.text() | REPEATED, max_size=4).map("".join)


@hypothesis.given(st.lists(TEXTS, max_size=20))
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_texts(rich, texts):
    check(rich, texts)


def random_text(generator):
    parts = []
    for _ in range(generator.choice((1, 2, 4, 8))):
        characters = generator.choice((OFTEN, OFTEN, MARKS, ASSIGNED, ALL_CHARACTERS))
        length = generator.choice((1, 2, 3, 5, 8, 99, 100, 101))
        if generator.random() < 0.3:
            parts.append(generator.choice(characters) * length)
        else:
            parts += generator.choices(characters, k=min(length, generator.randint(1, 110)))
    return "".join(parts)


@pytest.mark.slow
def test_200_000_random_texts(rich):
    generator = random.Random(20240229)
    for _ in range(200):
        check(rich, [random_text(generator) for _ in range(1000)])


@pytest.mark.slow
def test_offsets_of_every_character_in_context(rich):
    for start in range(0, len(ALL_CHARACTERS), 4096):
        block = ALL_CHARACTERS[start : start + 4096]
        check(rich, [f"{c} a{c}b a{c} {c}b" for c in block])


@CASING
@pytest.mark.realdata
def test_all_real_contexts_and_questions(real_vocabulary_path, lowercase, real_data):
    both = Tokenizers(real_vocabulary_path, lowercase)
    found = set()
    for path in real_data.glob("*.json"):
        for article in json.loads(path.read_bytes())["data"]:
            for paragraph in article["paragraphs"]:
                found.update(question["question"] for question in paragraph["qas"])
                found.add(paragraph["context"])
    assert len(found) > 100_000
    texts = sorted(found)
    for start in range(0, len(texts), 512):
        check(both, texts[start : start + 512])


SEAMS = st.text(st.sampled_from(OFTEN), max_size=8).map(str.encode) | st.binary(max_size=8)


@hypothesis.given(SEAMS, SEAMS)
@hypothesis.example("ΟΔΟΣ".encode(), "Σ\u0301".encode())
@hypothesis.example(b"a\xf0\x9f", b"\x98\x80b")
@hypothesis.settings(max_examples=500, deadline=None)
def test_texts_can_be_joined_and_cut_at_spaces(rich, left, right):
    joined, first, second = zip(
        *rich.offset_columns([left + b" " + right, left, right]), strict=True
    )
    shift = len(tf.strings.unicode_decode(left, "UTF-8")) + 1
    assert joined == (
        first[0] + second[0],
        first[1] + [start + shift for start in second[1]],
        first[2] + [end + shift for end in second[2]],
    )


PIECES = [
    *["a", "##a", "a b", "e", "##e", "-", "\u061d", "##\u061d", "\ue000", "\u1100", "##\u1161"],
    *["##\u1100", "\u166d", "\U0002b820", "##\U0002b820", "\U00010428", "##\U00010428"],
    *["\U00016ebb", "\U00011938", "##\U0001d165\U0001d16d"],
]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces") / "vocab.txt"
    path.write_text("\n".join([*SPECIAL_TOKENS, *PIECES]), encoding="utf-8")
    return Tokenizers(path, lowercase=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\U0002b820a", ["a", "##\U0002b820", "##a"], id="not-chinese"),
        pytest.param("a\u061da", ["a", "##\u061d", "##a"], id="not-punctuation"),
        pytest.param("a\u166da", ["a", "\u166d", "a"], id="still-punctuation"),
        pytest.param("a\ue000", ["a"], id="private-use"),
        pytest.param("a b", ["a", "[UNK]"], id="token-with-a-space"),
        pytest.param("\U00016ea0", ["\U00016ebb"], id="capital-of-unicode-17"),
        pytest.param("\U00011938", ["\U00011938"], id="not-decomposed"),
        pytest.param("\u1734a\u1734", ["a"], id="mark-of-changed-class"),
        pytest.param(
            "a\U0001d16d\u0301\U0001d165", ["a", "##\U0001d165\U0001d16d"], id="marks-in-order"
        ),
        pytest.param("a\U0001d16d\u0c46\U0001d165", ["[UNK]"], id="marks-around-a-starter"),
        pytest.param("\U00010428" * 100, ["\U00010428"] + ["##\U00010428"] * 99, id="400-bytes"),
        pytest.param("\U00010428" * 101, ["[UNK]"], id="404-bytes"),
        pytest.param("e\u0301\u200b" * 100, ["e"] + ["##e"] * 99, id="dropped-do-not-count"),
        pytest.param("\uac00" * 2, ["\u1100", "##\u1161", "##\u1100", "##\u1161"], id="hangul"),
        pytest.param("\uac00" * 51, ["[UNK]"], id="102-after-decomposition"),
        pytest.param("a" * 101 + "-" + "a" * 2, ["[UNK]", "-", "a", "##a"], id="long-and-short"),
    ],
)
def test_tokens_are_those_of_the_reference(pieces, text, expected):
    assert pieces.tokens(text) == expected
    assert pieces.reference([text])[0].tokens == expected


def test_long_word_has_its_whole_place(rich):
    text = f"a {'e' * 101}\u0301 b"
    assert [(start, end) for _, start, end in rich.offsets(text)][1] == (2, 104)
