import numpy as np
import pytest

from preprocessing.batch_tokenizer import TokenRows
from preprocessing.errors import InputError
from preprocessing.questions import QuestionConverter
from preprocessing.records import Rejected
from preprocessing.sources.squad_json import Paragraph, Question
from preprocessing.windows import WindowParameters
from tests.examples import decode

CLS, SEP = 101, 102


class Letters:
    """A tokeniser with one token per letter; its id is its code point."""

    cls_id, sep_id = CLS, SEP

    def token_ids(self, texts):
        """As `BatchTokenizer` has it."""
        return self.token_ids_and_starts(texts)

    def token_ids_and_starts(self, texts):
        """As `BatchTokenizer` has it."""
        places = [[i for i, c in enumerate(text.decode()) if not c.isspace()] for text in texts]
        ids = [ord(text.decode()[i]) for text, row in zip(texts, places, strict=True) for i in row]
        limits = np.cumsum([0, *map(len, places)])
        starts = np.array([place for row in places for place in row], np.int32)
        return TokenRows(np.array(ids, np.int32), limits, starts)


def convert(paragraphs, windows, validation_fraction=0.0):
    converter = QuestionConverter(windows=windows, validation_fraction=validation_fraction)
    return converter.convert(paragraphs, Letters())


def test_validation_is_drawn_by_context():
    entry = Question("q", "x", (("a", 0),), False)
    paragraphs = [Paragraph("train", "s.json", f"ab {i}", (entry,)) for i in range(400)]
    kept = [Paragraph("validation", "s.json", f"cd {i}", (entry,)) for i in range(5)]
    counts = convert(paragraphs + kept, WindowParameters(), 0.25).counts.splits
    again = convert(paragraphs[::-1] + kept, WindowParameters(), 0.25).counts.splits
    assert counts["train"].examples + counts["validation"].examples == 400
    assert 70 <= counts["validation"].examples <= 130
    assert counts == again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_seq_length": 67}, "--max_seq_length is 67, which leaves no room for context"),
        ({"max_query_length": 0}, "--max_query_length is 0, expected at least 1 token"),
        ({"doc_stride": -1}, "--doc_stride is -1, expected at least 1 token"),
    ],
)
def test_window_parameters_that_cannot_be(arguments, message):
    with pytest.raises(InputError, match=message):
        WindowParameters(**arguments)


def records(context, asked, answers, windows, is_impossible=False):
    """The fields of one question's records, or why it is rejected."""
    entry = Question("q1", asked, tuple(answers), is_impossible)
    converted = convert([Paragraph("train", "squad.json", context, (entry,))], windows)
    assert converted.counts.read == 1
    if converted.rejected:
        assert converted.records == []
        return converted.rejected[0].reason
    assert [record.window for record in converted.records] == list(range(len(converted.records)))
    rows = decode("squad", [record.serialized for record in converted.records])
    assert [len(row["token_ids"]) for row in rows] == [r.num_tokens for r in converted.records]
    return {name: [row[name] for row in rows] for name in rows[0]}


SIZE_9 = WindowParameters(max_seq_length=9, doc_stride=2, max_query_length=2)


def test_windows_of_an_answer_that_a_window_cuts():
    # Two tokens of question leave room for four of context: abcd, cdef, efgh.
    found = records("ab cdef gh", "xy", [("de", 4)], SIZE_9)
    assert found["token_ids"] == [
        [CLS, *b"xy", SEP, *b"abcd", SEP],
        [CLS, *b"xy", SEP, *b"cdef", SEP],
        [CLS, *b"xy", SEP, *b"efgh", SEP],
    ]
    assert found["segment_ids"] == [[0, 0, 0, 0, 1, 1, 1, 1, 1]] * 3
    assert (found["start_token"], found["end_token"]) == ([0, 5, 0], [0, 6, 0])
    assert (found["window"], found["is_impossible"]) == ([0, 1, 2], [0, 0, 0])
    assert found["id"] == ["q1"] * 3


@pytest.mark.parametrize(
    ("context", "answers", "expected"),
    [
        pytest.param("ab cd", [("ab", 0)], (4, 5), id="at-the-very-start"),
        pytest.param("ab cd", [("cd", 3)], (6, 7), id="at-the-very-end"),
        pytest.param("ab ab", [("ab", 3)], (6, 7), id="second-of-two"),
        pytest.param("a-bc", [("bc", 2)], (6, 7), id="in-a-hyphenated-word"),
        pytest.param("ab cd", [("cd", 3), ("ab", 0)], (6, 7), id="first-of-two-answers"),
    ],
)
def test_label_of_one_window(context, answers, expected):
    found = records(context, "xy", answers, SIZE_9)
    assert (found["start_token"], found["end_token"]) == ([expected[0]], [expected[1]])


def test_long_questions_are_cut_to_their_first_tokens():
    parameters = WindowParameters(max_seq_length=70, max_query_length=64)
    found = records("abc", "q" * 63 + "r" * 10, [("b", 1)], parameters)
    assert found["token_ids"] == [[CLS, *b"q" * 63, ord("r"), SEP, *b"abc", SEP]]
    # "b" is the second letter of its word, after [CLS], 64 tokens of question and [SEP].
    assert (found["start_token"], found["end_token"]) == ([67], [67])


def test_impossible_questions_point_to_cls_whatever_their_answers():
    found = records("ab cd", "xy", [("ab", 0)], SIZE_9, is_impossible=True)
    assert (found["start_token"], found["end_token"]) == ([0], [0])
    assert found["is_impossible"] == [1]


@pytest.mark.parametrize(
    ("context", "answers", "reason"),
    [
        pytest.param(" \n", [("a", 0)], "empty_context", id="empty-context"),
        pytest.param("ab", [], "no_answer_given", id="no-answer"),
        pytest.param("ab cd", [(" ", 2)], "empty_answer", id="empty-answer"),
        pytest.param("ab cd", [("cd", 0)], "answer_not_at_answer_start", id="elsewhere"),
        pytest.param("ab cd", [("cd", 99)], "answer_not_at_answer_start", id="beyond-the-end"),
        pytest.param("ab cd", [("cd", -2)], "answer_not_at_answer_start", id="negative-start"),
        pytest.param(" ab", [(" ab", 0)], "answer_without_tokens", id="no-word-there"),
    ],
)
def test_rejected_questions(context, answers, reason):
    assert records(context, "xy", answers, SIZE_9) == reason


def test_what_the_reader_rejected_is_counted():
    rejected = Rejected("train", "questions.jsonl:7", "questions.jsonl:7", "broken_json")
    converted = convert([rejected], WindowParameters())
    assert (converted.rejected, converted.records) == ([rejected], [])
    assert (converted.counts.read, dict(converted.counts.rejected)) == (1, {"broken_json": 1})
