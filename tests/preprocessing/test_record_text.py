from typing import Any

import pytest
from rich.console import Console

from preprocessing.errors import InputError
from preprocessing.record_text import review_text, window_text
from preprocessing.stored_records import StoredRecord

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "ada", "mill", "##s", "[", "\x1b", "##x"]
REVIEW: dict[str, Any] = {"id": [b"train/pos/0_9"], "label": [1], "token_ids": [2, 5, 6, 7, 1, 3]}
WINDOW: dict[str, Any] = {
    "id": [b"q1"],
    "window": [2],
    "is_impossible": [0],
    "token_ids": [2, 4, 3, 7, 8, 5, 6, 7, 3],
    "segment_ids": [0, 0, 0, 1, 1, 1, 1, 1, 1],
    "start_token": [5],
    "end_token": [6],
}


def review(**changes):
    record = StoredRecord("shard: record 1", REVIEW | changes)
    return review_text(record, VOCABULARY, ["neg", "pos"]).plain


def window(**changes):
    record = StoredRecord("shard: record 1", WINDOW | changes)
    return window_text(record, VOCABULARY, in_terminal=False).plain


def test_review_joins_word_pieces_and_shows_special_tokens():
    assert review() == "train/pos/0_9  label pos  6 tokens\n  [CLS] ada mills [UNK] [SEP]"


def test_review_shows_the_number_of_a_label_without_a_name():
    assert review(label=[2]).splitlines()[0] == "train/pos/0_9  label 2  6 tokens"


def test_window_keeps_question_and_context_apart_and_marks_the_answer():
    assert window().splitlines() == [
        "q1  window 2  9 tokens  answer in tokens 5 to 6",
        "  question  [CLS] who [SEP]",
        "  context   ##s [ [[ada mill]]s [SEP]",  # begins within a word; the answer ends in one
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"start_token": [3], "end_token": [3]}, "[[##s]] [ ada mills", id="first"),
        pytest.param({"start_token": [7], "end_token": [7]}, "##s [ ada mill[[s]]", id="piece"),
        pytest.param({"start_token": [4], "end_token": [7]}, "##s [[[ ada mills]]", id="bracket"),
    ],
)
def test_window_marks_whatever_tokens_are_the_answer(changes, said):
    assert window(**changes).splitlines()[2] == f"  context   {said} [SEP]"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_impossible": [1]}, "no answer in the context"),
        ({"is_impossible": [0]}, "the answer is not in this window"),
    ],
)
def test_window_says_why_nothing_is_marked(changes, said):
    lines = window(start_token=[0], end_token=[0], **changes).splitlines()
    assert lines[0] == f"q1  window 2  9 tokens  {said}"
    assert lines[2] == "  context   ##s [ ada mills [SEP]"


def test_window_marks_the_answer_by_its_look_in_a_terminal():
    text = window_text(StoredRecord("", WINDOW), VOCABULARY, in_terminal=True)
    console = Console(force_terminal=True, width=100, color_system="standard", highlight=False)
    with console.capture() as capture:
        console.print(text)
    assert "[[" not in capture.get()
    assert "[ \x1b[1;7mada\x1b[0m\x1b[1;7m \x1b[0m\x1b[1;7mmill\x1b[0ms" in capture.get()


def test_what_would_steer_the_terminal_is_spelled_out():
    text = review(id=[b"a\x1b[2J"], token_ids=[2, 9, 10, 3])
    assert text == "a\\x1b[2J  label pos  4 tokens\n  [CLS] \\x1bx [SEP]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token_ids": [2, 11]}, "record 1: token id 11, expected 0 to 10, the ids of"),
        ({"token_ids": [2, -1]}, "record 1: token id -1, expected 0 to 10"),
        ({"start_token": [6], "end_token": [5]}, "answer's tokens are 6 to 5, expected a place in"),
        ({"start_token": [5], "end_token": [9]}, "answer's tokens are 5 to 9, expected a place in"),
        ({"window": []}, r"field 'window' is \[\], expected one value"),
    ],
)
def test_records_that_cannot_be_right(changes, message):
    with pytest.raises(InputError, match=message):
        window(**changes)
