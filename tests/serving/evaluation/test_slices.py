"""Which part of the data an example is counted in."""

import numpy as np
import pytest

from serving.evaluation.examples import AskedQuestion, LabelledText
from serving.evaluation.slices import (
    SliceColumns,
    question_slices,
    question_word,
    text_slices,
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who built it?", "who"),
        ("Whose idea was it?", "who"),
        ("In which year did it end?", "which"),
        ("How many were there when it ended?", "how"),
        ("what's the name?", "what"),
        ("What’s the name?", "what"),
        ("The Whopper is sold where?", "where"),
        ("Name the capital of Peru.", "other"),
        ("ОЗЕРО?", "other"),
        ("", "other"),
    ],
)
def test_question_word(question, expected):
    assert question_word(question) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "under 250"),
        (249, "under 250"),
        (250, "250 to 499"),
        (3999, "2,000 to 3,999"),
        (4000, "4,000 and more"),
        (10**6, "4,000 and more"),
    ],
)
def test_length_of_a_text(length, expected):
    found = text_slices(LabelledText("a", "x" * length, 1), ("bad", "good"))
    assert found == {"length in characters": expected, "label": "good"}


def test_slices_of_a_question():
    question = AskedQuestion("q", "Why is it?", "c" * 600, ("a",) * 7, False)
    assert question_slices(question) == {
        "question word": "why",
        "answer": "has an answer",
        "context in characters": "500 to 999",
        "question in characters": "under 40",
        "annotated answers": "5 or more",
    }
    unanswerable = question_slices(AskedQuestion("q", "Why?", "c", (), True))
    assert (unanswerable["answer"], unanswerable["annotated answers"]) == ("no answer", "0")


def test_columns_give_each_slice_its_rows_in_a_readers_order():
    columns = SliceColumns()
    lengths = (5000, 10, 300, 260)
    for length in lengths:
        columns.add(text_slices(LabelledText("a", "x" * length, length % 2), ("b", "a")))
    found = columns.summaries(lambda rows: {"lengths": np.take(lengths, rows).tolist()})
    assert [(one["name"], one["count"], one["lengths"]) for one in found] == [
        ("under 250", 1, [10]),
        ("250 to 499", 2, [300, 260]),
        ("4,000 and more", 1, [5000]),
        ("b", 4, [5000, 10, 300, 260]),
    ]
