import gzip
import json
import pickle
import tracemalloc

import pytest

from preprocessing.errors import InputError
from preprocessing.sources.squad_json import (
    Paragraph,
    Question,
    first_questions,
    load_squad,
    read_paragraphs,
)
from tests.conftest import CONTEXT, question


def load(path):
    return load_squad(path)


def read(path):
    return list(read_paragraphs(path, "train"))


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


NO_DATA = (
    'not a SQuAD file: expected an object with a list "data", as in '
    '{"version": "1.1", "data": [{"title": …, "paragraphs": […]}]}.'
)
WRONG = [
    pytest.param("", "broken JSON at line 1 column 1: Expecting value.", id="empty-file"),
    pytest.param(
        '{"data": [\n {"x": }]}', "broken JSON at line 2 column 8: Expecting value.", id="broken"
    ),
    pytest.param(
        '{"data": [\n{"paragraphs": [',
        "broken JSON at line 2 column 17: Expecting value.",
        id="cut",
    ),
    pytest.param(
        '{"data": []} {}', "broken JSON at line 1 column 14: Extra data.", id="two-documents"
    ),
    pytest.param("{}", NO_DATA, id="empty-object"),
    pytest.param("[]", NO_DATA, id="list"),
    pytest.param('{"data": {}}', NO_DATA, id="data-is-no-list"),
    pytest.param(
        '{"data": ["x"]}',
        "not a SQuAD file: data[0].paragraphs is null, expected a list.",
        id="no-article",
    ),
    pytest.param(
        '{"data": [{"paragraphs": {"x": 1}}]}',
        "not a SQuAD file: data[0].paragraphs is an object or a list, expected a list.",
        id="paragraphs-are-an-object",
    ),
    pytest.param(
        '{"data": [{"paragraphs": [{"qas": []}]}]}',
        "not a SQuAD file: data[0].paragraphs[0].context is null, expected a string.",
        id="no-context",
    ),
    pytest.param(
        '{"data": [{"paragraphs": [{"context": "x"}]}]}',
        "not a SQuAD file: data[0].paragraphs[0].qas is null, expected a list.",
        id="no-questions",
    ),
    pytest.param(
        '{"data": [{"paragraphs": [{"context": "x", "qas": [5]}]}]}',
        f"not a SQuAD file: {QAS}.id is null, expected a string.",
        id="question-is-a-number",
    ),
    pytest.param(
        with_question(id=7), f"not a SQuAD file: {QAS}.id is 7, expected a string.", id="id"
    ),
    pytest.param(
        with_question(id="\ud800"),
        f"{QAS}.id is '\\ud800', expected no half of a surrogate pair.",
        id="half-a-character",
    ),
    pytest.param(
        with_question(answers=["x"]),
        f"not a SQuAD file: {QAS}.answers[0].text is null, expected a string.",
        id="answer-is-a-string",
    ),
    pytest.param(
        with_question(answers=[{"text": "x", "answer_start": "3"}]),
        f'not a SQuAD file: {QAS}.answers[0].answer_start is "3", expected an integer.',
        id="start-is-a-string",
    ),
    pytest.param(
        with_question(answers=[{"text": "x", "answer_start": True}]),
        f"not a SQuAD file: {QAS}.answers[0].answer_start is true, expected an integer.",
        id="start-is-true",
    ),
    pytest.param(
        with_question(is_impossible="false"),
        f'not a SQuAD file: {QAS}.is_impossible is "false", expected true or false.',
        id="is-impossible-is-a-string",
    ),
]


@pytest.mark.parametrize("use", [load, read])
@pytest.mark.parametrize(("content", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_place(tmp_path, use, content, message):
    path = tmp_path / "squad.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        use(str(path))
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("use", [load, read])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "maximum recursion depth exceeded"),
        ('{"data": %s}' % ("1" * 5000), "Exceeds the limit (4300 digits)"),
    ],
    ids=["deep", "digits"],
)
def test_more_than_python_reads(tmp_path, use, content, message):
    path = tmp_path / "squad.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        use(str(path))
    assert str(caught.value).startswith(f"{path}: cannot be read as JSON: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("use", [load, read])
def test_files_that_cannot_be_read_are_named(tmp_path, use):
    missing, latin1 = tmp_path / "none.json", tmp_path / "latin1.json"
    with pytest.raises(InputError) as caught:
        use(str(missing))
    reason = "cannot read it (No such file or directory)"
    assert str(caught.value).startswith(f"{missing}: {reason}")
    latin1.write_bytes('{"data": "é"}'.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        use(str(latin1))
    assert str(caught.value) == f"{latin1}: invalid UTF-8 at byte 10."


def test_byte_order_mark_and_compression_change_nothing(small_squad):
    path = small_squad(question("q1"))
    expected = read(str(path))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(str(path)) == expected
    assert load(str(path))["version"] == "1.1"
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert read(str(path)) == expected
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"cannot read it \(Compressed file ended before .*\), ex"):
        read(str(path))


def test_what_stands_before_a_bad_place_is_given_first(tmp_path):
    path = tmp_path / "squad.json"
    path.write_text('{"data": [{"paragraphs": [{"context": "x", "qas": []}, 7]}]}')
    paragraphs = read_paragraphs(str(path), "train")
    assert next(paragraphs).context == "x"
    with pytest.raises(InputError, match=r"paragraphs\[1\]\.context is null"):
        next(paragraphs)


def test_memory_holds_a_paragraph_and_not_the_file(tmp_path):
    path = tmp_path / "squad.json"
    paragraph = json.dumps({"context": "x" * 10_000, "qas": [question("q1")]})
    path.write_text('{"data": [{"paragraphs": [' + ",".join([paragraph] * 2000) + "]}]}")  # 20 MB
    tracemalloc.start()
    try:
        assert sum(paragraph.size for paragraph in read_paragraphs(str(path), "train")) == (
            2000 * (10_000 + len("Who built it?"))
        )
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_paragraphs_can_be_pickled(small_squad):
    found = read(str(small_squad(question("q1"))))
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name",
    [
        *("squad-v1.1-train-part", "squad-v1.1-dev-part", "squad-v2.0-train-part"),
        *("squad-v2.0-dev-part", "xquad-en-a", "covid-qa-part"),
    ],
)
def test_streaming_gives_what_json_gives_on_real_files(real_data, name):
    path = str(real_data / f"{name}.json")
    expected = [
        (
            paragraph["context"],
            [
                (
                    entry["id"],
                    entry["question"],
                    [(answer["text"], answer["answer_start"]) for answer in entry["answers"]],
                    entry.get("is_impossible", False),
                )
                for entry in paragraph["qas"]
            ],
        )
        for article in json.loads((real_data / f"{name}.json").read_bytes())["data"]
        for paragraph in article["paragraphs"]
    ]
    found = [
        (
            paragraph.context,
            [
                (entry.id, entry.question, list(entry.answers), entry.is_impossible)
                for entry in paragraph.questions
            ],
        )
        for paragraph in read_paragraphs(path, "train")
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, [["a", "b"], ["c"]]), (1, [["a"]]), (2, [["a", "b"]]), (3, [["a", "b"], ["c"]])],
)
def test_first_questions(limit, expected):
    paragraphs = [{"context": "x", "qas": ["a", "b"]}, {"context": "y", "qas": ["c"]}]
    cut = first_questions({"version": "1.1", "data": [{"paragraphs": paragraphs}]}, limit)
    assert [paragraph["qas"] for paragraph in cut["data"][0]["paragraphs"]] == expected
