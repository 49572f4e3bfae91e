import gzip
import json
import pickle
import tracemalloc

import pytest

from preprocessing.errors import InputError
from preprocessing.records import Rejected
from preprocessing.sources.labelled_text import (
    Columns,
    Review,
    discover_labels,
    read_labelled_texts,
)

BINARY = Columns(labels=("neg", "pos"))


@pytest.fixture
def write(tmp_path):
    """Writes a file: lines of text, bytes as they are, or objects as JSON lines."""

    def write(name, content):
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(entry) + "\n" for entry in content)
        content = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    return write


def read(path, columns=BINARY):
    """Each row as (id, label, text), or as (id, reason)."""
    return [
        (row.id, row.reason)
        if isinstance(row, Rejected)
        else (row.id, row.label, row.content.decode())
        for row in read_labelled_texts(path, "train", columns)
    ]


ROWS = [("Good, “really”", "pos"), ("Bad\nend", "neg"), ("", "pos")]
CSV = 'text,label\n"Good, “really”",pos\n"Bad\nend",neg\n,pos\n'
TSV = 'text\tlabel\nGood, “really”\tpos\n"Bad\nend"\tneg\n\tpos\n'
JSON = [{"text": text, "label": label} for text, label in ROWS]


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("x.csv", CSV, [2, 3, 5]),
        ("x.CSV.gz", CSV, [2, 3, 5]),
        ("x.tsv", TSV, [2, 3, 5]),
        ("x.jsonl", JSON, [1, 2, 3]),
        ("x.json", JSON, [1, 2, 3]),
        ("x.jsonl.gz", JSON, [1, 2, 3]),
    ],
)
def test_read_labelled_texts(write, name, content, lines):
    path = write(name, content)
    found = list(read_labelled_texts(path, "train", BINARY))
    assert found == [
        Review(f"{name}:{line}", "train", int(label == "pos"), f"{path}:{line}", text.encode())
        for line, (text, label) in zip(lines, ROWS, strict=True)
    ]
    assert [row.size for row in found] == [18, 7, 0]
    assert pickle.loads(pickle.dumps(found)) == found


def test_columns_by_name_and_more_than_two_labels(write):
    columns = Columns(
        text_column="body", label_column="stars", id_column="key", labels=("1", "2", "10")
    )
    path = write("x.csv", "stars,unused,body,key\n10,x,Great,a\n1,x,Poor,b\n")
    assert read(path, columns) == [("a", 2, "Great"), ("b", 0, "Poor")]
    entries = [{"stars": 10, "body": "Great", "key": 7}, {"stars": "1", "body": "P", "key": "b"}]
    assert read(write("x.jsonl", entries), columns) == [("7", 2, "Great"), ("b", 0, "P")]


def test_names_replace_the_file_name_in_ids(write):
    path = write("x.csv", "text,label\nA,pos\nB,?\n")
    columns = Columns(labels=("neg", "pos"), names={path: "2024/x.csv"})
    assert read(path, columns) == [
        ("2024/x.csv:2", 1, "A"),
        ("2024/x.csv:3", "unknown_label"),
    ]


WITH_ID = Columns(labels=("neg", "pos"), id_column="id")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"Good,pos,7", ("7", 1, "Good"), id="good"),
        pytest.param(b"Good,pos", ("x.csv:2", "too_few_columns"), id="few"),
        pytest.param(b"Good, really,pos,7", ("x.csv:2", "too_many_columns"), id="many"),
        pytest.param(b'"Good"!,pos,7', ("x.csv:2", "broken_quotes"), id="quotes"),
        pytest.param(b"Caf\xe9,pos,7", ("x.csv:2", "invalid_utf8"), id="latin-1-in-text"),
        pytest.param(b"Good,p\xe9s,7", ("x.csv:2", "invalid_utf8"), id="latin-1-in-label"),
        pytest.param(b"Good,pos,\xe9", ("x.csv:2", "invalid_utf8"), id="latin-1-in-id"),
        pytest.param(b"Good,,7", ("x.csv:2", "missing_label"), id="no-label"),
        pytest.param(b"Good,pos,", ("x.csv:2", "missing_id"), id="no-id"),
        pytest.param(b"Good,positive,7", ("7", "unknown_label"), id="unknown-label"),
        pytest.param(b"Good,Pos,7", ("7", "unknown_label"), id="upper-case"),
        pytest.param(b"x" * (1 << 25) + b",pos,7", ("x.csv:2", "line_too_long"), id="huge"),
    ],
)
def test_rejected_rows_of_a_table(write, line, expected):
    path = write("x.csv", b"text,label,id\n" + line + b"\nBad,neg,8\n")
    assert read(path, WITH_ID) == [expected, ("8", 0, "Bad")]
    first = next(read_labelled_texts(path, "test", WITH_ID))
    assert (first.source, first.split) == (f"{path}:2", "test")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("7", 1, "Good")),
        ({"text": None}, ("x.jsonl:1", "missing_text")),
        ({"text": 5}, ("x.jsonl:1", "text_not_a_string")),
        ({"text": ["Good"]}, ("x.jsonl:1", "text_not_a_string")),
        ({"text": "Go\ud800d"}, ("x.jsonl:1", "invalid_utf8")),
        ({"label": None}, ("x.jsonl:1", "missing_label")),
        ({"label": ""}, ("x.jsonl:1", "missing_label")),
        ({"label": 1.0}, ("x.jsonl:1", "label_not_a_string")),
        ({"label": ["pos"]}, ("x.jsonl:1", "label_not_a_string")),
        ({"label": True}, ("7", "unknown_label")),
        ({"label": "\udcff"}, ("x.jsonl:1", "invalid_utf8")),
        ({"id": None}, ("x.jsonl:1", "missing_id")),
        ({"id": {}}, ("x.jsonl:1", "id_not_a_string")),
        ({"id": "\ud800"}, ("x.jsonl:1", "invalid_utf8")),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_rejected_objects(write, change, expected):
    entry = {"text": "Good", "label": "pos", "id": "7", **change}
    assert read(write("x.jsonl", [entry]), WITH_ID) == [expected]


def test_rejected_lines_of_json(write):
    content = b'{"text": "A", "label": "pos"}\n{"text": \n{"text": "\xe9"}\n[]\n{"text": "B"}\n'
    assert read(write("x.jsonl", content)) == [
        ("x.jsonl:1", 1, "A"),
        ("x.jsonl:2", "broken_json"),
        ("x.jsonl:3", "invalid_utf8"),
        ("x.jsonl:4", "not_an_object"),
        ("x.jsonl:5", "missing_label"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            "review,sentiment\nGood,pos\n",
            "no column 'text'. Those in the first line are 'review', 'sentiment'.",
            id="other-names",
        ),
        pytest.param(
            "text, label\nGood,pos\n",
            "no column 'label'. Those in the first line are 'text', ' label'.",
            id="space",
        ),
        pytest.param(
            "text\tlabel\nGood\tpos\n",
            "no column 'text'. Those in the first line are 'text\\tlabel'.",
            id="tabs",
        ),
        pytest.param(
            "text,label,text\n",
            "more than one column 'text'. Those in the first line are 'text', 'label', 'text'.",
            id="twice",
        ),
        pytest.param(
            "", "no column 'text'. Those in the first line are none, as the file is empty.", id="0"
        ),
        pytest.param(
            '"text"!,label\n',
            "the first line, with the columns, cannot be read (broken_quotes).",
            id="quotes",
        ),
        pytest.param(
            b"\x80\x02\xff\n",
            "no column 'text'. Those in the first line are '\\udc80\\x02\\udcff'.",
            id="bytes",
        ),
        pytest.param(
            ",".join(f"column {i} {'x' * 50}" for i in range(100)),
            "no column 'text'. Those in the first line are "
            + ", ".join(f"'column {i} {'x' * (32 - len(str(i)))}'" for i in range(20))
            + ".",
            id="many",
        ),
    ],
)
def test_tables_without_the_columns(write, content, message):
    path = write("x.csv", content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_files_that_cannot_be_read(tmp_path, write):
    with pytest.raises(InputError, match=r"none\.csv: cannot read it \(No such file or dir"):
        read(str(tmp_path / "none.csv"))
    path = write("x.csv.gz", CSV)
    (tmp_path / "x.csv.gz").write_bytes((tmp_path / "x.csv.gz").read_bytes()[:-6])
    with pytest.raises(InputError, match=r"cannot read it \(Compressed file ended before the end"):
        read(path)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["pos", "neg", "pos"], ("neg", "pos")),
        (["positive", "negative"], ("negative", "positive")),
        ([1, 0, 1], ("0", "1")),
        ([True, False], ("false", "true")),
        (["10", "9", "2"], ("2", "9", "10")),
        (["1", "-1"], ("-1", "1")),
        (["1", "01", "2"], ("01", "1", "2")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["²", "1"], ("1", "²")),
        (["1" * 400, "2"], ("1" * 400, "2")),
        (["b", None, "", 1.5, "a"], ("a", "b")),
    ],
)
def test_discover_labels(write, labels, expected):
    entries = [{"text": "", "label": label} for label in labels]
    assert discover_labels([write("x.jsonl", entries)], Columns()) == expected


def test_discover_labels_of_several_files(write):
    paths = [
        write("a.csv", "text,label\nA,x\nB,z\nbroken\n"),
        write("b.tsv", "label\ttext\ny\tA\n"),
        write("c.jsonl", [{"text": "A", "label": "x"}]),
    ]
    assert discover_labels(paths, Columns()) == ("x", "y", "z")


def test_columns_that_hold_no_labels(write):
    one = write("one.csv", "text,label\nA,x\nB,x\n")
    with pytest.raises(InputError) as caught:
        discover_labels([one], Columns())
    assert str(caught.value) == (
        f"{one}: expected two labels or more in --label_column 'label', found only 'x'."
    )
    none = write("none.csv", "text,label\n")
    with pytest.raises(InputError, match=r"--label_column 'label', found none\.$"):
        discover_labels([none], Columns())
    many = write("many.csv", "text,label\n" + "".join(f"t,{i}\n" for i in range(1001)))
    with pytest.raises(InputError) as caught:
        discover_labels([many], Columns(text_column="label", label_column="text"))
    assert "found only 't'" in str(caught.value)
    with pytest.raises(InputError) as caught:
        discover_labels([many], Columns())
    assert str(caught.value) == (
        f"{many}: --label_column 'label' has more than 1,000 different values, such as '1000', "
        "expected labels. Is it the right column?"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text_column": "a", "label_column": "a"}, "--text_column and --label_column are both"),
        ({"labels": ("a", "b", "a")}, "--labels are a,b,a, expected each once."),
    ],
)
def test_columns_that_cannot_be(fields, message):
    with pytest.raises(InputError, match=message):
        Columns(**fields)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_memory_holds_a_row_and_not_the_file(write, name):
    text = "x" * 10_000
    entries = [{"text": text, "label": "pos"}] * 2000  # 20 MB
    path = write(name, entries if name == "x.jsonl" else "text,label\n" + f"{text},pos\n" * 2000)
    tracemalloc.start()
    try:
        found = (row.size for row in read_labelled_texts(path, "train", BINARY))
        assert sum(found) == 20_000_000
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
