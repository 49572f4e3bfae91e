"""Local files. test_remote_files.py has the others."""

import bz2
import gzip
import hashlib
import lzma
import os
import subprocess
import sys
import time

import pytest

from preprocessing import files
from preprocessing.errors import InputError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.csv", "a.csv", "a.tsv", "c[1].csv", "sub/d.csv", "sub-1/e.csv"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return str(tmp_path / "data")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("b.csv", ["b.csv"]),
        ("sub", ["sub"]),
        ("*.csv", ["a.csv", "b.csv", "c[1].csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("[bc].csv", ["b.csv"]),
        ("c[1].csv", ["c[1].csv"]),  # there is a file of that name
        ("a.*", ["a.csv", "a.tsv"]),
        ("sub*/*.csv", ["sub-1/e.csv", "sub/d.csv"]),
        ("**.csv", ["a.csv", "b.csv", "c[1].csv", "sub-1/e.csv", "sub/d.csv"]),
    ],
)
def test_match(folder, pattern, expected):
    assert files.match(f"{folder}/{pattern}") == [f"{folder}/{name}" for name in expected]


@pytest.mark.parametrize("pattern", ["none.csv", "*.json", "none/*.csv", "[x].csv"])
def test_match_of_nothing(folder, pattern):
    with pytest.raises(InputError) as caught:
        files.match(f"{folder}/{pattern}")
    expected = f"{folder}/{pattern}: no such file or folder, and no pattern of one."
    assert str(caught.value) == expected


def test_listing_is_in_the_order_of_names(folder):
    names = ["a.csv", "a.tsv", "b.csv", "c[1].csv"]
    assert files.list_folder(folder) == [f"{folder}/{n}" for n in [*names, "sub", "sub-1"]]
    assert files.list_files(folder) == [
        f"{folder}/{n}" for n in [*names, "sub/d.csv", "sub-1/e.csv"]
    ]
    assert files.list_folder(f"{folder}/none") == []
    assert files.list_files(f"{folder}/none") == []


def test_size_and_sum(folder):
    assert files.file_size(f"{folder}/a.csv") == 5
    assert files.file_size(f"{folder}/sub") == 9
    assert files.sha256_of(f"{folder}/a.csv") == hashlib.sha256(b"a.csv").hexdigest()
    lines = f"d.csv {hashlib.sha256(b'sub/d.csv').hexdigest()}\n"
    assert files.sha256_of(f"{folder}/sub") == hashlib.sha256(lines.encode()).hexdigest()
    assert files.sha256_of(f"{folder}/sub/") == files.sha256_of(f"{folder}/sub")
    for ask in (files.file_size, files.sha256_of, files.open_file, files.read_file):
        with pytest.raises(InputError, match=r"/none: cannot read it \(No such file or dir"):
            ask(f"{folder}/none")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.csv", ".csv"),
        ("s3://bucket/Reviews.CSV.gz", ".csv"),
        ("/data/aclImdb_v1.tar.gz", ".tar"),
        ("x.tgz", ".tgz"),
        ("a.jsonl.bz2", ".jsonl"),
        ("a.json.xz", ".json"),
        ("data.d/README", ""),
        ("folder.csv/", ".csv"),
    ],
)
def test_extension_of(path, expected):
    assert files.extension_of(path) == expected


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_reading_unpacks_what_is_compressed_whatever_its_name(tmp_path, compress):
    content = b"text,label\n" * 1000
    path = tmp_path / "x.csv"
    path.write_bytes(compress(content))
    with files.reading(str(path), "CSV") as stream:
        assert stream.read() == content
    if compress is not bytes:
        path.write_bytes(compress(content)[:-1])
        with pytest.raises(InputError) as caught, files.reading(str(path), "CSV") as stream:
            stream.read()
        assert str(caught.value) == (
            f"{path}: cannot read it (Compressed file ended before the end-of-stream marker was "
            "reached), expected CSV."
        )


def test_reading_maps_the_parser_s_errors_and_no_others(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x")
    expected = f"{path}: cannot read it \\(two lines\\), expected a set\\.$"
    with (
        pytest.raises(InputError, match=expected),
        files.reading(str(path), "a set", ArithmeticError),
    ):
        raise ArithmeticError("two\nlines")
    with pytest.raises(LookupError), files.reading(str(path), "a set", ArithmeticError):
        raise LookupError
    with pytest.raises(InputError, match=r"^mine$"), files.reading(str(path), "a set", ValueError):
        raise InputError("mine")


def test_folders_are_no_files(folder):
    with pytest.raises(InputError, match=r"data: cannot read it \(Is a directory\)\.$"):
        files.open_file(folder)


def test_unknown_file_systems():
    path = "http://host/x.csv"
    for ask in (files.exists, files.match, files.open_file, files.file_size, files.sha256_of):
        with pytest.raises(InputError) as caught:
            ask(path)
        assert str(caught.value) == (
            f"{path}: http:// is unknown, expected a local path or gs://, s3://, hdfs://."
        )


@pytest.mark.parametrize(
    ("module", "path", "extra"),
    [
        ("boto3", "s3://bucket/x.csv", "aws"),
        ("hdfs", "hdfs://x.csv", "hadoop"),
        ("google.cloud.storage", "gs://bucket/x.csv", "gcp"),
    ],
)
def test_a_missing_extra_of_beam_is_named(module, path, extra):
    code = (
        f"import sys; sys.modules['{module}'] = None\n"
        f"from preprocessing import files\nfiles.open_file('{path}')"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    message = process.stderr.splitlines()[-1].partition("InputError: ")[2]
    scheme = path.partition(":")[0]
    assert message == (
        f"{path}: {scheme}:// needs more packages: pip install 'apache-beam[{extra}]'."
    )


def test_many_small_files_are_read_fast(tmp_path):
    for i in range(50_000):
        fd = os.open(tmp_path / f"{i}.txt", os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"Great.")
        os.close(fd)
    start = time.process_time()
    assert sum(len(files.read_file(path)) for path in files.list_folder(str(tmp_path))) == 300_000
    assert time.process_time() - start < 3


def test_beam_is_not_imported_for_local_files(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"x")
    code = (
        "import sys\nfrom preprocessing import files\nfrom preprocessing.sources import readers\n"
        f"files.match({str(tmp_path / 'x.csv')!r}); files.sha256_of({str(tmp_path)!r})\n"
        "print('apache_beam' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "False\n"
