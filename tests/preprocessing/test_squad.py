import json

import pytest
import tensorflow as tf

from preprocessing import features
from preprocessing.errors import InputError
from preprocessing.records import Rejected
from preprocessing.squad import (
    Paragraph,
    Question,
    TokenizedQuestion,
    WindowParameters,
    first_questions,
    load_squad,
    read_paragraphs,
    read_split_paragraphs,
    windows_of_question,
)
from preprocessing.windows import TokenizedText
from tests.conftest import CONTEXT, question

CLS, SEP = 101, 102


def test_read_paragraphs_gives_every_field(small_squad):
    path = small_squad(question("q1"), {"id": "q2", "question": "Why?", "is_impossible": True})
    assert list(read_paragraphs(str(path), "train")) == [
        Paragraph(
            split="train",
            source=str(path),
            context=CONTEXT,
            questions=(
                Question("q1", "Who built it?", (("Ada Mills", 28),), is_impossible=False),
                Question("q2", "Why?", (), is_impossible=True),
            ),
        )
    ]


def with_question(**fields):
    qas = [question("q1") | fields]
    return json.dumps({"data": [{"paragraphs": [{"context": CONTEXT, "qas": qas}]}]})


QAS = "data[0].paragraphs[0].qas[0]"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "broken JSON at line 1 column 1", id="empty-file"),
        pytest.param('{"data": [\n {"x": }]}', "broken JSON at line 2 column 8", id="broken"),
        pytest.param("[" * 100_000, "not a SQuAD file: maximum recursion depth", id="deep"),
        pytest.param(
            '{"data": %s}' % ("1" * 5000), "Exceeds the limit (4300 digits)", id="huge-number"
        ),
        pytest.param("[]", 'expected an object with a list "data"', id="list"),
        pytest.param('{"data": {}}', 'expected an object with a list "data"', id="data-is-no-list"),
        pytest.param(
            '{"data": ["x"]}', "data[0].paragraphs is null, expected a list", id="no-article"
        ),
        pytest.param(
            '{"data": [{"paragraphs": [{"qas": []}]}]}',
            "data[0].paragraphs[0].context is null, expected a string",
            id="no-context",
        ),
        pytest.param(
            '{"data": [{"paragraphs": [{"context": "x"}]}]}',
            "data[0].paragraphs[0].qas is null, expected a list",
            id="no-questions",
        ),
        pytest.param(with_question(id=7), f"{QAS}.id is 7, expected a string", id="id-is-a-number"),
        pytest.param(
            with_question(id="\ud800"),
            f"{QAS}.id is '\\ud800', expected no half",
            id="half-a-character",
        ),
        pytest.param(
            with_question(answers=["x"]),
            f"{QAS}.answers[0].text is null, expected a string",
            id="answer-is-a-string",
        ),
        pytest.param(
            with_question(answers=[{"text": "x", "answer_start": "3"}]),
            f'{QAS}.answers[0].answer_start is "3", expected an integer',
            id="start-is-a-string",
        ),
    ],
)
def test_load_squad_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "squad.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_squad(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_squad_names_files_it_cannot_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: cannot read it \(No such file"):
        load_squad(str(tmp_path / "none.json"))
    (tmp_path / "latin1.json").write_bytes('{"data": "é"}'.encode("latin-1"))
    with pytest.raises(InputError, match=r"latin1\.json: invalid UTF-8 at byte 10"):
        load_squad(str(tmp_path / "latin1.json"))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, [["a", "b"], ["c"]]), (1, [["a"]]), (2, [["a", "b"]]), (3, [["a", "b"], ["c"]])],
)
def test_first_questions(limit, expected):
    paragraphs = [{"context": "x", "qas": ["a", "b"]}, {"context": "y", "qas": ["c"]}]
    cut = first_questions({"version": "1.1", "data": [{"paragraphs": paragraphs}]}, limit)
    assert [paragraph["qas"] for paragraph in cut["data"][0]["paragraphs"]] == expected


def test_validation_is_drawn_by_context(tmp_path):
    paragraphs = [{"context": f"Paragraph {i}.", "qas": []} for i in range(400)]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    splits = [p.split for p in read_split_paragraphs(str(path), "train", 0.25)]
    assert 70 <= splits.count("validation") <= 130
    assert splits == [p.split for p in read_split_paragraphs(str(path), "train", 0.25)]
    assert {p.split for p in read_split_paragraphs(str(path), "validation", 0.25)} == {"validation"}


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


def letters(text):
    """One token per letter; its id is its code point."""
    places = [i for i, character in enumerate(text) if not character.isspace()]
    return TokenizedText(text, [ord(text[i]) for i in places], places, [i + 1 for i in places])


def records(context, asked, answers, parameters, is_impossible=False):
    """The records of one question as dictionaries, or why it is rejected."""
    entry = Question("q1", asked, tuple(answers), is_impossible)
    tokens = TokenizedQuestion(
        entry, letters(context), letters(asked).token_ids, letters(entry.label_text()).token_ids
    )
    paragraph = Paragraph("train", "squad.json", context, (entry,))
    found = windows_of_question(paragraph, tokens, parameters, CLS, SEP)
    if isinstance(found, Rejected):
        return found.reason
    parsed = features.parse("squad", tf.constant([record.serialized for record in found]))
    return {
        name: column.to_list() if isinstance(column, tf.RaggedTensor) else column.numpy().tolist()
        for name, column in parsed.items()
    }


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
    assert found["id"] == [b"q1"] * 3


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
