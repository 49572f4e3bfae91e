import json
import tarfile

import pytest
from tokenizers import BertWordPieceTokenizer

from benchmarks import pytorch_data
from benchmarks.pytorch_data import Row

LETTERS = "abcdefghjk"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "##s", "[MASK]", *LETTERS]
CLS, SEP = 2, 3
A, B, C, D, E, F, G, H, J, K = range(6, 16)


@pytest.fixture
def tokenizer():
    return BertWordPieceTokenizer({token: index for index, token in enumerate(VOCABULARY)})


@pytest.fixture
def windows(tokenizer, tmp_path, monkeypatch):
    """The rows of one question, in windows of 10 tokens and steps of 2."""
    monkeypatch.setattr(pytorch_data, "DOC_STRIDE", 2)
    monkeypatch.setattr(pytorch_data, "MAX_QUERY_LENGTH", 3)

    def windows(question, context, answer=None):
        answers = [{"text": answer, "answer_start": context.index(answer)}] if answer else []
        entry = {"id": "q", "question": question, "answers": answers}
        path = tmp_path / "squad.json"
        path.write_text(
            json.dumps({"data": [{"paragraphs": [{"context": context, "qas": [entry]}]}]})
        )
        return pytorch_data.window_rows(str(path), tokenizer, 10)

    return windows


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
def test_reviews_of_a_split_in_the_order_of_their_ids(small_imdb, tmp_path, packed):
    reviews = {"train/pos/10_9": b"a", "train/pos/2_9": b"b", "train/neg/0_1": b"c"}
    folder = small_imdb(reviews | {"test/pos/0_9": b"d", "train/unsup/0_0": b"e"})
    source = tmp_path
    if packed:
        source = tmp_path / "aclImdb.tar.gz"
        with tarfile.open(source, "w:gz") as archive:
            archive.add(folder, "aclImdb")
    assert pytorch_data.read_reviews(str(source), "train") == [
        ("train/neg/0_1", 0, "c"),
        ("train/pos/10_9", 1, "a"),
        ("train/pos/2_9", 1, "b"),
    ]


def test_a_review_is_cut_at_its_end(small_imdb, tmp_path, tokenizer):
    small_imdb({"test/neg/0_1": b"as B", "test/pos/1_9": b"a b c d e f"})
    assert pytorch_data.review_rows(str(tmp_path), "test", tokenizer, 6) == [
        Row([CLS, A, 4, B, SEP], [0] * 5, (0,)),
        Row([CLS, A, B, C, D, SEP], [0] * 6, (1,)),
    ]


def test_one_window(windows):
    (window,) = windows("a b", "c d e f g", answer="d e")
    assert window.token_ids == [CLS, A, B, SEP, C, D, E, F, G, SEP]
    assert window.segment_ids == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert window.labels == (5, 6)
    assert window.first == 4
    assert window.offsets == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    assert window.is_max_context == [True] * 5


def test_windows_start_a_step_apart(windows):
    first, second, third = windows("a b", "c d e f g h j k", answer="g h")
    assert first.token_ids == [CLS, A, B, SEP, C, D, E, F, G, SEP]
    assert second.token_ids == [CLS, A, B, SEP, E, F, G, H, J, SEP]
    assert third.token_ids == [CLS, A, B, SEP, G, H, J, K, SEP]
    assert [window.labels for window in (first, second, third)] == [(0, 0), (6, 7), (4, 5)]
    assert third.offsets == [(8, 9), (10, 11), (12, 13), (14, 15)]


def test_each_token_is_best_in_the_window_with_most_on_both_sides(windows):
    # Of "e", 2 and 0 tokens stand on its left, 2 and 4 on its right: the first window shows more.
    first, second, third = windows("a b", "c d e f g h j k")
    assert first.is_max_context == [True, True, True, True, False]
    assert second.is_max_context == [False, False, True, True, False]
    assert third.is_max_context == [False, False, True, True]


def test_a_long_question_is_cut(windows):
    (window,) = windows("a b c d e", "f g h")
    assert window.token_ids == [CLS, A, B, C, SEP, F, G, H, SEP]
    assert window.labels == (0, 0)


@pytest.mark.parametrize(
    ("num_tokens", "expected"),
    [
        pytest.param(0, [], id="nothing"),
        pytest.param(5, [(0, 5)], id="shorter-than-a-window"),
        pytest.param(8, [(0, 8)], id="exactly-one-window"),
        pytest.param(9, [(0, 8), (4, 9)], id="one-token-over"),
        pytest.param(12, [(0, 8), (4, 12)], id="exactly-two-windows"),
    ],
)
def test_cut_windows_covers_every_token(num_tokens, expected):
    assert pytorch_data.cut_windows(num_tokens, size=8, stride=4) == expected


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        pytest.param("ab", 0, (0, 1), id="part-of-a-token"),
        pytest.param("bs c", 1, (1, 2), id="over-a-space"),
        pytest.param("s", 2, (1, 1), id="inside-a-token"),
        pytest.param(" ", 3, None, id="between-tokens"),
    ],
)
def test_answer_tokens_are_those_that_the_answer_touches(text, start, expected):
    offsets = [(0, 1), (1, 3), (4, 5)]  # "a", "##bs" and "c" of "abs c"
    answer = {"text": text, "answer_start": start}
    assert pytorch_data.answer_tokens(offsets, answer) == expected
