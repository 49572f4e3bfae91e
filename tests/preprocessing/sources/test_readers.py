import json
import tarfile

import pytest

from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from tests.conftest import CONTEXT, question

REVIEWS = {"train/pos/0_9": b"Good", "train/neg/0_2": b"Bad"}
CSV = "text,label\nGood,pos\nBad,neg\n"


def labelled(path, columns=None):
    columns = columns or Columns(labels=("neg", "pos"))
    return {(row.label, row.content) for row in readers.labelled_texts(str(path), "train", columns)}


def test_labelled_texts_of_every_kind(tmp_path, small_imdb):
    folder = small_imdb(REVIEWS)
    expected = {(1, b"Good"), (0, b"Bad")}
    assert labelled(folder) == expected
    for name, mode in [("x.tar", "w"), ("x.tar.gz", "w:gz"), ("x.tgz", "w:gz"), ("x.txz", "w:xz")]:
        with tarfile.open(tmp_path / name, mode) as archive:
            archive.add(folder, "aclImdb")
        assert labelled(tmp_path / name) == expected
    (tmp_path / "x.csv").write_text(CSV)
    (tmp_path / "x.tsv").write_text(CSV.replace(",", "\t"))
    entries = [{"text": "Good", "label": "pos"}, {"text": "Bad", "label": "neg"}]
    for name in ("x.jsonl", "x.json"):
        (tmp_path / name).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    for name in ("x.csv", "x.tsv", "x.jsonl", "x.json"):
        assert labelled(tmp_path / name) == expected


def test_paragraphs_of_every_kind(tmp_path, small_squad):
    lines = tmp_path / "x.jsonl"
    lines.write_text(json.dumps({**question("q1"), "context": CONTEXT}))
    for path in (small_squad(question("q1")), lines):
        (paragraph,) = readers.paragraphs(str(path), "validation")
        assert (paragraph.context, paragraph.split) == (CONTEXT, "validation")
        assert paragraph.questions[0].answers == (("Ada Mills", 28),)


TEXTS = (
    "aclImdb as a folder or as .tar, .tar.gz, .tar.bz2, .tar.xz or .zip; or labelled texts as "
    ".csv, .tsv, .jsonl or .json, which may end in .gz, .bz2 or .xz too."
)
QUESTIONS = "a SQuAD file .json, or questions in JSON lines .jsonl."
READERS = {
    TEXTS: lambda path: next(readers.labelled_texts(path, "train", Columns())),
    QUESTIONS: lambda path: next(readers.paragraphs(path, "train")),
}


@pytest.mark.parametrize("expected", [TEXTS, QUESTIONS], ids=["texts", "questions"])
@pytest.mark.parametrize("name", ["x.parquet", "README", "x.txt.gz"])
def test_unknown_kinds(tmp_path, name, expected):
    path = tmp_path / name
    with pytest.raises(InputError) as caught:
        READERS[expected](str(path))
    assert str(caught.value) == f"{path}: no such file or folder, expected {expected}"
    path.write_text("x")
    with pytest.raises(InputError) as caught:
        READERS[expected](str(path))
    assert str(caught.value) == f"{path}: its name tells no kind of source, expected {expected}"


def test_labels(tmp_path, small_imdb):
    folder, own, other = str(small_imdb(REVIEWS)), tmp_path / "own.csv", tmp_path / "other.csv"
    own.write_text(CSV)
    other.write_text(CSV.replace("pos", "great"))
    assert readers.labels_of([folder], Columns()) == ("neg", "pos")
    assert readers.labels_of([str(own)], Columns()) == ("neg", "pos")
    assert readers.labels_of([str(own), folder], Columns()) == ("neg", "pos")
    assert readers.labels_of([str(own)], Columns(labels=("pos", "neg"))) == ("pos", "neg")
    message = f"{folder}: aclImdb has the labels neg,pos, but --labels are great,neg."
    with pytest.raises(InputError) as caught:
        readers.labels_of([str(other), folder], Columns())
    assert str(caught.value) == message
    with pytest.raises(InputError) as caught:
        labelled(folder, Columns(labels=("great", "neg")))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/x/train.csv", "/y/test.csv"], ["train.csv", "test.csv"]),
        (["s3://b/1/x.csv", "s3://b/2/x.csv", "x.csv.gz"], ["1/x.csv", "2/x.csv", "x.csv.gz"]),
        (["/a/b/x.csv", "/c/b/x.csv", "/a/x.csv"], ["a/b/x.csv", "c/b/x.csv", "a/x.csv"]),
        (["x.csv", "a/x.csv"], ["x.csv", "a/x.csv"]),
    ],
)
def test_short_names(paths, expected):
    assert [readers.short_names(paths)[path] for path in paths] == expected
