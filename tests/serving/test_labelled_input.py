"""What an input asks a model, of every kind that the evaluation reads; and what is no input."""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Columns
from serving.labelled_input import labelled_input, read_asked

NEG_POS = ("neg", "pos")
LINE = {"id": "1", "question": "Who?", "context": "Ada Mills."}
ANSWER = {"text": "Ada", "answer_start": 0}


def asked(path, task, labels=(), **columns):
    return read_asked(labelled_input(str(path), Columns(**columns)), task, labels)


def test_reviews(reviews):
    found = asked(reviews, "imdb", NEG_POS)
    assert len(found.texts) == 8
    assert {"text": b"a lovely film"} in found.texts
    assert not found.is_v2


def test_rows_with_labels_and_columns_of_their_own(tmp_path):
    (tmp_path / "rows.csv").write_text("kind,said\nham,hello\nspam,buy\nham,\nother,x\n")
    columns = Columns(text_column="said", label_column="kind")
    labelled = labelled_input(str(tmp_path / "rows.csv"), columns, 0.5)
    found = read_asked(labelled, "imdb", ("ham", "spam"))
    assert found.texts == [{"text": b"hello"}, {"text": b"buy"}]
    message = r"--evaluation_input .*rows.csv: 50.0% of 4 cannot be asked .* 'other'; those of"
    with pytest.raises(InputError, match=message):
        read_asked(
            dataclasses.replace(labelled, max_rejected_fraction=0.4), "imdb", ("ham", "spam")
        )


@pytest.mark.parametrize(
    ("answers", "is_v2"), [([ANSWER], False), ([], True)], ids=["v1.1", "v2.0"]
)
def test_questions_in_json_lines(tmp_path, answers, is_v2):
    path = tmp_path / "questions.jsonl"
    lines = [{**LINE, "answers": [ANSWER]}, {**LINE, "id": "2", "answers": answers}]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = asked(path, "squad")
    assert found.texts == [{"question": b"Who?", "context": b"Ada Mills."}] * 2
    assert found.is_v2 == is_v2


def test_questions_of_squad(questions):
    found = asked(questions, "squad")
    assert (len(found.texts), found.is_v2) == (8, True)


@pytest.mark.parametrize(
    ("name", "content", "task", "labels", "message"),
    [
        ("rows.csv", "text,label\nx,neg\n", "squad", (),
         r"^--evaluation_input .*rows.csv: labelled texts, but the model answers questions"),
        ("rows.csv", "text,label\nx,neg\n", "imdb", ("ham", "spam"),
         r"^--evaluation_input .*rows.csv: nothing in it to evaluate on"),
        ("rows.csv", "said,label\nx,neg\n", "imdb", NEG_POS, r"^--evaluation_input .*text"),
        ("questions.txt", "x", "squad", (), r"^--evaluation_input .*its name tells no kind"),
    ],
    ids=["texts-for-a-reader", "other-labels", "other-columns", "no-kind"],
)  # fmt: skip
def test_what_is_not_for_the_model(tmp_path, name, content, task, labels, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        asked(tmp_path / name, task, labels)


def test_reviews_are_not_for_other_labels(reviews):
    with pytest.raises(InputError, match=r"^--evaluation_input .*: aclImdb's labels are neg, pos"):
        asked(reviews, "imdb", ("ham", "spam"))


def test_the_same_input_is_known_again_wherever_it_lies(tmp_path, monkeypatch):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("text,label\nx,neg\n")
    monkeypatch.chdir(tmp_path)
    first = labelled_input("a.csv", Columns())
    described = first.describe()
    assert described == {"path": str(tmp_path / "a.csv"), "sha256": first.sha256}
    assert labelled_input("b.csv", Columns()).is_that_of(described)
    assert not labelled_input("b.csv", Columns(text_column="said")).is_that_of(described)
    assert not first.is_that_of(None)


def test_a_fraction_that_is_none(tmp_path):
    with pytest.raises(InputError, match="--max_rejected_fraction is 2, expected a share in"):
        labelled_input(str(tmp_path), Columns(), 2)


def test_nothing_at_the_path(tmp_path):
    with pytest.raises(InputError, match=r"--evaluation_input .*: no such file or folder"):
        labelled_input(str(tmp_path / "none"), Columns())


def test_reviews_that_cannot_be_asked(models, reviews, tmp_path):
    shutil.copytree(reviews, tmp_path / "copy")
    (tmp_path / "copy/aclImdb/test/pos/99_9.txt").write_text("  ")
    version, source = models / "sentiment" / "1", str(tmp_path / "copy")
    with pytest.raises(InputError, match=r"expected at most --max_rejected_fraction 0\.01"):
        labelled_input(source, Columns(), 0.01).evaluate(version)
    assert labelled_input(source, Columns(), 0.5).evaluate(version)["rejected"] == 1


def test_an_export_of_local_data_does_without_beam():
    """Beam's import takes seconds, and may log before our own log is set up."""
    code = "import sys, serving.export; print('apache_beam' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (found.stdout.strip(), found.stderr) == ("False", "")
