import json

import pytest

from preprocessing.errors import InputError
from preprocessing.records import Rejected
from preprocessing.sources.squad_json import Paragraph, Question
from preprocessing.sources.squad_lines import read_question_lines
from tests.conftest import CONTEXT

ADA = {"text": "Ada Mills", "answer_start": 28}


def entry(**changes):
    fields = {"id": "q1", "question": "Who?", "context": CONTEXT, "answers": [ADA], **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def read(tmp_path, entries):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in entries))
    return list(read_question_lines(str(path), "train"))


@pytest.mark.parametrize(
    ("changes", "answers", "is_impossible"),
    [
        pytest.param({}, (("Ada Mills", 28),), False, id="squad"),
        pytest.param(
            {"answers": {"text": ["Ada Mills", "Ada"], "answer_start": [28, 28]}},
            (("Ada Mills", 28), ("Ada", 28)),
            False,
            id="hugging-face",
        ),
        pytest.param({"answers": {"text": [], "answer_start": []}}, (), True, id="none-hf"),
        pytest.param({"answers": []}, (), True, id="none"),
        pytest.param({"answers": [], "is_impossible": None}, (), True, id="null"),
        pytest.param({"answers": [], "is_impossible": False}, (), False, id="said-possible"),
        pytest.param({"answers": ..., "is_impossible": True}, (), True, id="absent"),
        pytest.param({"is_impossible": True}, (("Ada Mills", 28),), True, id="plausible"),
        pytest.param({"title": "x", "more": [1]}, (("Ada Mills", 28),), False, id="more-fields"),
    ],
)
def test_a_question(tmp_path, changes, answers, is_impossible):
    assert read(tmp_path, [entry(**changes)]) == [
        Paragraph(
            split="train",
            source=f"{tmp_path}/questions.jsonl:1",
            context=CONTEXT,
            questions=(Question("q1", "Who?", answers, is_impossible),),
        )
    ]


def test_neighbours_with_one_context_share_a_paragraph(tmp_path):
    entries = [entry(id=f"q{i}", context=context) for i, context in enumerate("AABxA")]
    entries[3] = {}
    found = read(tmp_path, entries)
    path = f"{tmp_path}/questions.jsonl"
    assert [(p.source, [q.id for q in p.questions]) for p in found if isinstance(p, Paragraph)] == [
        (f"{path}:1-2", ["q0", "q1"]),
        (f"{path}:3", ["q2"]),
        (f"{path}:5", ["q4"]),
    ]
    assert found[2] == Rejected("train", f"{path}:4", "questions.jsonl:4", "missing_id")


def test_paragraphs_do_not_grow_without_end(tmp_path):
    found = read(tmp_path, [entry(id=f"q{i}") for i in range(150)])
    assert [len(paragraph.questions) for paragraph in found] == [64, 64, 22]
    assert found[2].source == f"{tmp_path}/questions.jsonl:129-150"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ...}, "missing_id"),
        ({"id": 7}, "id_not_a_string"),
        ({"id": "\ud800"}, "invalid_utf8"),
        ({"question": None}, "missing_question"),
        ({"question": ["Who?"]}, "question_not_a_string"),
        ({"context": ...}, "missing_context"),
        ({"context": {}}, "context_not_a_string"),
        ({"answers": ...}, "missing_answers"),
        ({"answers": None, "is_impossible": False}, "missing_answers"),
        ({"answers": "Ada Mills"}, "bad_answers"),
        ({"answers": ["Ada Mills"]}, "bad_answers"),
        ({"answers": [{"text": "Ada Mills"}]}, "bad_answers"),
        ({"answers": [{"text": "Ada Mills", "answer_start": "28"}]}, "bad_answers"),
        ({"answers": [{"text": "Ada Mills", "answer_start": True}]}, "bad_answers"),
        ({"answers": {"text": ["Ada Mills"], "answer_start": []}}, "bad_answers"),
        ({"answers": {"text": "Ada Mills", "answer_start": 28}}, "bad_answers"),
        ({"answers": {}}, "bad_answers"),
        ({"is_impossible": "false"}, "is_impossible_not_a_boolean"),
        ({"is_impossible": 0}, "is_impossible_not_a_boolean"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rejected_lines(tmp_path, changes, reason):
    has_id = reason not in ("missing_id", "id_not_a_string", "invalid_utf8")
    question_id = "q1" if has_id else "questions.jsonl:1"
    found, good = read(tmp_path, [entry(**changes), entry(id="q2")])
    assert found == Rejected("train", f"{tmp_path}/questions.jsonl:1", question_id, reason)
    assert good.questions[0].id == "q2"


def test_lines_that_are_no_objects(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'{"id": \n7\n{"id": "\xe9"}\n\n' + json.dumps(entry()).encode())
    rejected = [r for r in read_question_lines(str(path), "test") if isinstance(r, Rejected)]
    assert rejected == [
        Rejected("test", f"{path}:{i}", f"questions.jsonl:{i}", reason)
        for i, reason in [(1, "broken_json"), (2, "not_an_object"), (3, "invalid_utf8")]
    ]


def test_a_squad_document_is_none(tmp_path):
    path = tmp_path / "squad.jsonl"
    path.write_text(json.dumps({"data": []}, indent=1))
    with pytest.raises(InputError, match=r"squad\.jsonl: is one JSON document over many lines"):
        list(read_question_lines(str(path), "train"))
