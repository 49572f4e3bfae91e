import pytest

from benchmarks import huggingface

LETTERS = "abcdefghjk"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "##s", ".", *LETTERS]
CLS, SEP = 2, 3
A, B, C, D, E, F, G, H, J, K = range(6, 16)


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(VOCABULARY))
    return huggingface.bert_tokenizer(str(path))


@pytest.fixture(params=[huggingface.encode_pairs, huggingface.encode_contexts_once])
def windows(request, tokenizer, monkeypatch):
    """Encodes questions on one context, in windows of 10 tokens and steps of 2."""
    monkeypatch.setitem(huggingface.MAX_SEQ_LENGTH, "squad", 10)
    monkeypatch.setattr(huggingface, "DOC_STRIDE", 2)
    monkeypatch.setattr(huggingface, "MAX_QUERY_LENGTH", 3)

    def encode(*questions, context, answer=("", -1)):
        count = len(questions)
        batch = {
            "question": list(questions),
            "context": [context] * count,
            "answer_text": [answer[0]] * count,
            "answer_start": [answer[1]] * count,
            "is_impossible": [int(answer[1] < 0)] * count,
            "id": list(questions),
            "split": ["train"] * count,
        }
        return request.param(batch, tokenizer)

    return encode


def test_a_review_is_cut_at_its_end(tokenizer, monkeypatch):
    monkeypatch.setitem(huggingface.MAX_SEQ_LENGTH, "imdb", 6)
    batch = {"text": ["As b.", "a b c d e f"], "label": [1, 0], "id": "xy", "split": "tt"}
    encoded = huggingface.encode_reviews(batch, tokenizer)
    assert encoded["token_ids"] == [[CLS, A, 4, B, 5, SEP], [CLS, A, B, C, D, SEP]]


def test_one_window(windows):
    encoded = windows("a b", context="c d e f g", answer=("d e", 2))
    assert encoded["token_ids"] == [[CLS, A, B, SEP, C, D, E, F, G, SEP]]
    assert encoded["segment_ids"] == [[0, 0, 0, 0, 1, 1, 1, 1, 1, 1]]
    assert (encoded["start_token"], encoded["end_token"]) == ([5], [6])


def test_windows_start_a_step_apart_whatever_the_question(windows):
    encoded = windows("a b", "a", context="c d e f g h j k", answer=("g h", 8))
    assert encoded["token_ids"] == [
        [CLS, A, B, SEP, C, D, E, F, G, SEP],
        [CLS, A, B, SEP, E, F, G, H, J, SEP],
        [CLS, A, B, SEP, G, H, J, K, SEP],
        [CLS, A, SEP, C, D, E, F, G, H, SEP],
        [CLS, A, SEP, E, F, G, H, J, K, SEP],
    ]
    assert encoded["segment_ids"][2] == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert encoded["window"] == [0, 1, 2, 0, 1]
    assert encoded["start_token"] == [0, 6, 4, 7, 5]
    assert encoded["end_token"] == [0, 7, 5, 8, 6]


def test_a_long_question_is_cut(windows):
    encoded = windows("a b c d e", context="f g h")
    assert encoded["token_ids"] == [[CLS, A, B, C, SEP, F, G, H, SEP]]


def test_no_answer(windows):
    encoded = windows("a", context="b")
    assert (encoded["start_token"], encoded["end_token"]) == ([0], [0])
    assert encoded["is_impossible"] == [1]
