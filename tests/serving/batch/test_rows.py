"""Rows out of the sources that preprocessing reads, without labels and answers."""

import concurrent.futures
import json
import os

import pytest

from preprocessing.records import Rejected
from preprocessing.sources.labelled_text import Columns
from serving.batch.rows import Row, cut_batches, read_questions, read_texts
from tests.conftest import question
from tests.serving.batch.number_model import write_lines

NO_LABELS = Columns(label_column=None)


def rows_and_reasons(elements) -> list[tuple]:
    return [
        (one.id, one.texts) if isinstance(one, Row) else (one.id, one.reason) for one in elements
    ]


def test_texts_of_a_table_without_labels(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'n,text\n7,Good.\n8,"B\xc3\xa4h\nno."\n9,\xff\n1,2,3\n,\n')
    assert rows_and_reasons(read_texts(str(path), "", NO_LABELS)) == [
        ("a.csv:2", (b"Good.",)), ("a.csv:3", ("Bäh\nno.".encode(),)),
        ("a.csv:5", "invalid_utf8"), ("a.csv:6", "too_many_columns"), ("a.csv:7", (b"",)),
    ]  # fmt: skip
    ids = Columns(label_column=None, id_column="n")
    assert rows_and_reasons(read_texts(str(path), "", ids))[0] == ("7", (b"Good.",))
    assert rows_and_reasons(read_texts(str(path), "", ids))[-1] == ("a.csv:7", "missing_id")


def test_texts_of_json_lines(tmp_path):
    path = write_lines(
        tmp_path / "a.jsonl", {"text": "Good.", "label": ["any"]}, {"text": 3}, {"label": "pos"},
        "{", {"text": "\ud800"},
    )  # fmt: skip
    assert rows_and_reasons(read_texts(path, "", NO_LABELS)) == [
        ("a.jsonl:1", (b"Good.",)), ("a.jsonl:2", "text_not_a_string"),
        ("a.jsonl:3", "missing_text"), ("a.jsonl:4", "broken_json"), ("a.jsonl:5", "invalid_utf8"),
    ]  # fmt: skip


def test_reviews(small_imdb):
    folder = small_imdb({"train/pos/0_9": b"Great.", "test/neg/1_2": b"\xff", "test/neg/2_1": b""})
    assert rows_and_reasons(read_texts(str(folder), "", NO_LABELS)) == [
        ("test/neg/1_2", "invalid_utf8"), ("test/neg/2_1", (b"",)), ("train/pos/0_9", (b"Great.",)),
    ]  # fmt: skip


def test_labelled_texts_still_need_labels(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", {"text": "Good."}, {"text": "Bad.", "label": "neg"})
    found = list(read_texts(path, "", Columns(labels=("neg", "pos"))))
    assert isinstance(found[0], Rejected)
    assert (found[0].reason, found[1].id) == ("missing_label", "a.jsonl:2")


def test_a_question_of_a_pipe_is_read_before_the_next_comes(tmp_path):
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    rows = read_questions(str(path), "")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, rows)
        with path.open("wb", buffering=0) as pipe:
            pipe.write(b'{"id": "a", "question": "Who?", "context": "Ada."}\n')
            assert first.result(timeout=10) == Row("a", f"{path}:1", (b"Who?", b"Ada."))
            pipe.write(b'{"id": "b", "question": "Why?", "context": "Ada."}\n')
    assert next(rows) == Row("b", f"{path}:2", (b"Why?", b"Ada."))


def test_questions_of_a_squad_file_without_answers(small_squad):
    asked = [question("a"), {"id": "b", "question": "Why?"}, {"id": "c", "question": "\ud800?"}]
    context = "Built by Ada Mills in 1894, it is true."
    path = small_squad(*asked, context=context)
    assert rows_and_reasons(read_questions(str(path), "")) == [
        ("a", (b"Who built it?", context.encode())), ("b", (b"Why?", context.encode())),
        ("c", "invalid_utf8"),
    ]  # fmt: skip


def test_questions_of_json_lines_without_answers(tmp_path):
    path = write_lines(
        tmp_path / "q.jsonl", {"id": "a", "question": "Who?", "context": "Ada."},
        {"id": "b", "question": "When?", "context": "Ada.", "answers": "of no kind"},
        {"id": "c", "question": "When?"}, json.dumps([1]),
    )  # fmt: skip
    assert rows_and_reasons(read_questions(path, "")) == [
        ("a", (b"Who?", b"Ada.")), ("b", (b"When?", b"Ada.")),
        ("c", "missing_context"), ("q.jsonl:4", "not_an_object"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("max_rows", "max_bytes", "expected"),
    [
        pytest.param(2, 1000, [[3, 1], [4, 0], [2]], id="by-length"),
        pytest.param(9, 1000, [[3, 1, 4, 0, 2]], id="one-batch"),
        pytest.param(9, 12, [[3, 1, 4, 0], [2]], id="as-if-all-were-the-longest"),
        pytest.param(9, 1, [[3], [1], [4], [0], [2]], id="a-row-may-be-more"),
    ],
)
def test_cut_batches(max_rows, max_bytes, expected):
    texts = ["ccc", "b", "dddd", "", "aa"]
    rows = [Row(text, "", (text.encode(),)) for text in texts]
    assert list(cut_batches(rows, max_rows, max_bytes)) == expected
