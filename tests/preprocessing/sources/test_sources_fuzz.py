"""Broken sources of every kind: each gives an error of one line, or all of its records."""

import bz2
import copy
import gzip
import io
import json
import lzma
import random
import re
import tarfile
import zipfile

import pytest

from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.sources.csv_rows import read_rows
from preprocessing.sources.labelled_text import Columns
from preprocessing.sources.squad_json import Paragraph, Question, load_squad
from tests.conftest import CONTEXT, question

COLUMNS = Columns(labels=("neg", "pos"), id_column="id")
TEXTS = [("Good", "pos"), ("Bad, “really”\nbad", "neg"), ('5" disk', "pos"), ("é" * 50, "neg")]
ROWS = [{"text": TEXTS[i % 4][0], "label": TEXTS[i % 4][1], "id": f"r{i}"} for i in range(20)]
QUESTIONS = [{**question(f"q{i}"), "context": CONTEXT * (1 + i // 3)} for i in range(12)]
ARTICLE = {"paragraphs": [{"context": CONTEXT, "qas": [question("q1"), question("é")]}] * 4}
SQUAD = {"version": "2.0", "data": [ARTICLE, {**ARTICLE, "title": "é"}]}
REVIEWS = {f"{part}/{i}_9": b"Text %d. " % i * 40 for part in ("train/pos", "test/neg")
           for i in range(5)}  # fmt: skip


def table(delimiter):
    def cell(text):
        return '"' + text.replace('"', '""') + '"' if re.search(r'["\n,]', text) else text

    lines = [delimiter.join(ROWS[0])]
    lines += [delimiter.join(cell(value) for value in row.values()) for row in ROWS]
    return "\n".join(lines).encode()


def json_lines(entries):
    return "".join(json.dumps(entry) + "\n" for entry in entries).encode()


def tar():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in REVIEWS.items():
            member = tarfile.TarInfo(f"aclImdb/{name}.txt")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return content.getvalue()


def zipped(method):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, text in REVIEWS.items():
            archive.writestr(f"aclImdb/{name}.txt", text)
    return content.getvalue()


SOURCES = {
    "rows.csv": table(","),
    "rows.tsv": table("\t"),
    "rows.csv.gz": gzip.compress(table(",")),
    "rows.jsonl": json_lines(ROWS),
    "questions.jsonl": json_lines(QUESTIONS),
    "squad.json": json.dumps(SQUAD, indent=1).encode(),
    "reviews.tar": tar(),
    "reviews.tar.gz": gzip.compress(tar()),
    "reviews.tar.bz2": bz2.compress(tar()),
    "reviews.tar.xz": lzma.compress(tar()),
    "reviews.zip": zipped(zipfile.ZIP_DEFLATED),
    "stored.zip": zipped(zipfile.ZIP_STORED),
}
BYTES = [b'"', b"\0", b"\n", b"\r", b'\r\n"', b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"{"]
WRONG = [None, True, 0, -1, 1.5, 10**30, "", "\ud800", "x" * 100_000, [], {}, [[]], [None], {"": 0}]


def cut(content, draw):
    return content[: draw.randrange(len(content))]


def flip(content, draw):
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 20])):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def insert(content, draw):
    at = draw.randrange(len(content))
    added = draw.choice([draw.choice(BYTES), draw.randbytes(draw.randrange(1, 600))])
    return content[:at] + added + content[at:]


def drop(content, draw):
    at = draw.randrange(len(content))
    return content[:at] + content[at + draw.randrange(1, 600) :]


def enlarge(content, draw):
    """Longer than any line may be, where that is a limit."""
    at = draw.randrange(len(content))
    return content[:at] + draw.choice([b"x", b'"', b"[", b"\0"]) * 17_000_000 + content[at:]


def nest(content, draw):
    at = content.index(b":", draw.randrange(len(content) // 2)) + 1
    depth = draw.choice([10, 300, 900, 1000, 1100, 100_000])
    brackets = draw.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return content[:at] + brackets[0] * depth + b"0" + brackets[1] * depth + b"," + content[at:]


def mistype(content, draw):
    """Puts a value of another type somewhere into a document, or into each of its lines."""
    documents = [content] if content.startswith(b"{\n") else content.splitlines()
    changed = [json.dumps(_with_wrong_value(json.loads(d), draw)) for d in documents]
    return "\n".join(changed).encode()


def _with_wrong_value(document, draw):
    document = copy.deepcopy(document)
    node = document
    while True:
        key = draw.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if not isinstance(node[key], dict | list) or not node[key] or draw.random() < 0.2:
            node[key] = draw.choice(WRONG)
            return document
        node = node[key]


def broken(name, seed):
    """The name's source, broken in a way that the seed says."""
    draw = random.Random(f"{name} {seed}")
    ways = [cut, flip, insert, drop, flip, enlarge if seed % 40 == 5 else insert]
    if name.endswith((".json", ".jsonl")):
        ways += [mistype, nest]
    return ways[seed % len(ways)](SOURCES[name], draw)


def read(path):
    """All that a source gives; None for an error, which must be of one line."""
    try:
        if path.name in ("squad.json", "questions.jsonl"):
            return list(readers.paragraphs(str(path), "train"))
        return list(readers.labelled_texts(str(path), "train", COLUMNS))
    except InputError as error:
        check_message(path, error)
        return None


def check_message(path, error):
    assert str(error).startswith(f"{path}: ")
    assert "\n" not in str(error)
    assert len(str(error)) < 1000 + len(str(path))


def check(path, content):
    found = read(path)
    if path.name == "squad.json":
        assert found == load_whole(path)
    elif found is None:
        return
    elif path.name.endswith(".jsonl"):
        lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        assert sum(map(records_of, found)) == sum(bool(line.strip()) for line in lines)
    elif path.name.startswith("rows"):
        assert len(found) == check_rows(path) - 1  # without the header
    elif path.name == "reviews.tar":  # it has no sums of its contents
        assert {review.id for review in found} == REVIEWS.keys()
    else:
        assert {review.id: review.content for review in found} == REVIEWS


def records_of(element):
    return len(element.questions) if isinstance(element, Paragraph) else 1


def load_whole(path):
    """The same by `load_squad`, which parses a file in one go."""
    try:
        document = load_squad(str(path))
    except InputError as error:
        check_message(path, error)
        return None
    return [
        Paragraph(
            "train",
            str(path),
            paragraph["context"],
            tuple(as_question(entry) for entry in paragraph["qas"]),
        )
        for article in document["data"]
        for paragraph in article["paragraphs"]
    ]


def as_question(entry):
    answers = tuple((answer["text"], answer["answer_start"]) for answer in entry.get("answers", []))
    return Question(entry["id"], entry["question"], answers, entry.get("is_impossible", False))


def check_rows(path):
    """Counts the rows, and checks that each line of the file is in one of them or blank."""
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with gzip.open(path, "rt", **AS_READ) if path.suffix == ".gz" else path.open(**AS_READ) as file:
        lines = list(file)
    count, end = 0, 0  # lines before `end`, from 0, are accounted for
    for start, row in read_rows(str(path), delimiter, quotes=True):
        assert all(not line.strip("\r\n") for line in lines[end : start - 1])
        breaks = 0 if isinstance(row, str) else sum(len(LINE_END.findall(c)) for c in row)
        count, end = count + 1, start + breaks
    assert all(not line.strip("\r\n") for line in lines[end:])
    return count


AS_READ = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
LINE_END = re.compile("\r\n|\r|\n")


@pytest.mark.parametrize("name", SOURCES)
def test_broken_sources(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(SOURCES[name])
    check(path, SOURCES[name])
    assert read(path)
    for seed in range(200):
        content = broken(name, seed)
        path.write_bytes(content)
        try:
            check(path, content)
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}")
            raise
