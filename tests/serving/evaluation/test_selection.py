"""What is asked of a source, in which blocks and batches."""

import json

import pytest

from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Columns
from serving.evaluation import batching
from serving.evaluation.examples import LabelledText, labels_in, read_questions, read_texts
from serving.evaluation.selection import select

LABELS = ("neg", "pos")


def texts(source, labels=LABELS, split="test", **columns):
    return lambda: read_texts(str(source), split, labels, Columns(**columns))


def chosen(read, limit=None):
    return [example.id for example in select(read, "source", limit)]


def question(key, *answers, **more):
    answers = [{"text": text, "answer_start": 0} for text in answers]
    return {"id": key, "question": "Who?", "context": "Ada", "answers": answers, **more}


def write_lines(path, *entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_reviews_of_one_split(reviews):
    assert len(chosen(texts(reviews))) == 8
    assert all(key.startswith("train/") for key in chosen(texts(reviews, split="train")))


def test_a_limit_takes_the_same_texts_of_both_labels_whatever_their_order(tmp_path):
    rows = [{"id": f"r{n}", "text": "x", "label": LABELS[n >= 50]} for n in range(100)]
    forwards = write_lines(tmp_path / "a.jsonl", *rows)
    backwards = write_lines(tmp_path / "b.jsonl", *rows[::-1])
    found = chosen(texts(forwards, id_column="id"), 20)
    assert len(found) == 20
    assert {int(key[1:]) >= 50 for key in found} == {True, False}
    assert chosen(texts(backwards, id_column="id"), 20) == found[::-1]
    assert set(chosen(texts(forwards, id_column="id"), 10)) < set(found)


def test_rows_that_cannot_be_used_are_counted(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\ngood,pos\nbad,neg\nodd,maybe\n   ,pos\nshort\n")
    selection = select(texts(path), "source", None)
    assert [example.id for example in selection] == ["rows.csv:2", "rows.csv:3"]
    reasons = {"unknown_label": 1, "empty_text": 1, "too_few_columns": 1}
    assert (selection.total, selection.rejected) == (2, reasons)


def test_what_a_limit_leaves_out_is_good_all_the_same(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "good,pos\n" * 8 + "odd,maybe\nbad,perhaps\n")
    selection = select(texts(path), "source", 2)
    assert (selection.total, selection.good) == (2, 8)
    select(texts(path), "source", 2, max_rejected_fraction=0.2)
    with pytest.raises(
        InputError,
        match=r"--input source: 20\.0% of 10 cannot be asked \(2 unknown_label\), expected at most "
        r"--max_rejected_fraction 0\.19\. \{'unknown_label': 2\} Mend them, or allow more\.",
    ):
        select(texts(path), "source", 2, 0.19, lambda rejected: f" {dict(rejected)}")


@pytest.mark.parametrize("labels", [("neg", "pos"), ("negative", "positive")])
def test_rows_may_name_the_labels_of_reviews_as_folders_or_as_served(tmp_path, labels):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na,pos\nb,positive\nc,neg\nd,negative\n")
    assert [one.label for one in select(texts(path, labels), "", None)] == [1, 1, 0, 0]


def test_a_limit_takes_the_first_questions(tmp_path):
    path = write_lines(tmp_path / "q.jsonl", *(question(f"q{n}", "Ada") for n in range(9)))
    assert chosen(lambda: read_questions(str(path)), 4) == ["q0", "q1", "q2", "q3"]


def test_v1_leaves_out_questions_that_nobody_has_answered(tmp_path):
    entries = [question("a", "Ada"), question("b", is_impossible=False), question("c", "Ada")]
    path = write_lines(tmp_path / "q.jsonl", *entries)
    selection = select(lambda: read_questions(str(path)), "source", None)
    assert [example.id for example in selection] == ["a", "c"]
    assert (selection.total, selection.is_v2) == (2, False)
    assert selection.rejected == {"no_answer_given": 1}


def test_one_impossible_question_makes_it_v2(tmp_path):
    path = write_lines(tmp_path / "q.jsonl", question("a", "Ada"), question("b"))
    selection = select(lambda: read_questions(str(path)), "source", None)
    assert (selection.total, selection.is_v2) == (2, True)
    assert not select(lambda: read_questions(str(path)), "source", 1).is_v2


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param([question("a", "A"), question("a", "A")], "the id 'a' stands", id="twice"),
        pytest.param([{"text": "good", "label": "pos"}], "rejected: 1 missing_id", id="other-data"),
        pytest.param([question("a", is_impossible=False)], "1 no_answer_given", id="no-answers"),
    ],
)
def test_questions_that_cannot_be_scored(tmp_path, entries, message):
    path = write_lines(tmp_path / "q.jsonl", *entries)
    with pytest.raises(InputError, match=message):
        select(lambda: read_questions(str(path)), str(path), None)


def test_reviews_are_not_questions(reviews):
    with pytest.raises(InputError, match="labelled texts, but the model answers questions"):
        list(read_questions(str(reviews)))


def test_a_squad_file_is_not_labelled_texts(questions):
    with pytest.raises(InputError, match=r"rejected: 1 missing_text.*for this kind of model"):
        select(texts(questions), str(questions), None)


def test_reviews_of_other_labels_than_the_models(reviews):
    with pytest.raises(InputError, match="aclImdb's labels are neg, pos, but the model's are a, b"):
        labels_in(str(reviews), ("a", "b"))


def test_labels_of_an_export_as_the_source_calls_them(reviews):
    assert labels_in(str(reviews), ("negative", "positive")) == LABELS
    assert labels_in("rows.csv", ("negative", "positive")) == ("negative", "positive")


def test_lone_surrogates_become_question_marks(tmp_path):
    entry = question("a", "Ada") | {"context": "Ada \ud800 x"}
    path = write_lines(tmp_path / "q.jsonl", entry)
    (example,) = read_questions(str(path))
    assert example.context == "Ada ? x"


def test_blocks_bound_what_is_held():
    half = LabelledText("a", "x" * (batching.BLOCK_SIZE // 2), 0)
    assert [len(block) for block in batching.blocks([half] * 5)] == [2, 2, 1]


def test_batches_hold_like_lengths_and_everything_once():
    lengths = [5, 1, 4, 2, 3, 9, 8]
    found = batching.batches(lengths, 2)
    assert sorted(i for batch in found for i in batch) == list(range(7))
    assert sorted([lengths[i] for i in batch] for batch in found) == [[1, 2], [3, 4], [5, 8], [9]]


def test_long_texts_make_small_batches():
    size = batching.MAX_BATCH_SIZE
    found = batching.batches([size // 3] * 4 + [10, 2 * size, 3 * size], 100)
    assert sorted(map(len, found)) == [1, 1, 2, 3]
