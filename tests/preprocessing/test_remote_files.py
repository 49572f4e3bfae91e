"""Sources on S3 (moto's server) and HDFS (a small WebHDFS server), both over loopback."""

import gzip
import json
import tarfile
import zipfile

import boto3
import pytest
from apache_beam.io.filesystems import FileSystems
from moto.server import ThreadedMotoServer

from preprocessing import files, remote_files
from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from tests.conftest import question
from tests.preprocessing import webhdfs

COLUMNS = Columns(labels=("neg", "pos"))
CSV = b"text,label\nGood,pos\nBad,neg\n"
REVIEWS = {"train/pos/0_9": b"Great.", "train/neg/0_2": b"Poor.", "test/pos/7_10": b"Superb."}


@pytest.fixture(scope="module")
def moto_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A folder with a source of each kind."""
    folder = tmp_path_factory.mktemp("sources")
    for name, content in REVIEWS.items():
        path = folder / f"aclImdb/{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with tarfile.open(folder / "reviews.tar.gz", "w:gz") as archive:
        archive.add(folder / "aclImdb", "aclImdb")
    with zipfile.ZipFile(folder / "reviews.zip", "w") as archive:
        for name, content in REVIEWS.items():
            archive.writestr(f"aclImdb/{name}.txt", content)
    (folder / "cut.tgz").write_bytes((folder / "reviews.tar.gz").read_bytes()[:-20])
    (folder / "rows.csv").write_bytes(CSV)
    (folder / "rows[1].csv.gz").write_bytes(gzip.compress(CSV))
    paragraph = {"context": "By Ada Mills in 1894.", "qas": [question("q1", start=3)]}
    (folder / "squad.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    return folder


@pytest.fixture(scope="module")
def s3(moto_endpoint, local):
    """Where the folder is on S3, and Beam's flags to read it."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=moto_endpoint, **keys)
    client.create_bucket(Bucket="data")
    for path in local.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), "data", f"in/{path.relative_to(local)}")
    flags = [f"--s3_endpoint_url={moto_endpoint}", "--s3_region_name=us-east-1"]
    return "s3://data/in", [*flags, "--s3_access_key_id=a", "--s3_secret_access_key=b"]


@pytest.fixture(scope="module")
def hdfs(local):
    """Where the folder is on HDFS, and Beam's flags to read it."""
    with webhdfs.serve(local.parent) as port:
        flags = ["--hdfs_host=127.0.0.1", f"--hdfs_port={port}", "--hdfs_user=me"]
        yield f"hdfs://{local.name}", flags


@pytest.fixture(params=["s3", "hdfs"])
def remote(request):
    """The folder `local` as it is on a remote file system."""
    path, flags = request.getfixturevalue(request.param)
    remote_files.configure(flags)
    yield path
    FileSystems.set_options(None)


def reviews(path):
    return {
        (review.id, review.split, review.label, review.content)
        for review in readers.labelled_texts(path, "", COLUMNS)
    }


EXPECTED = {
    ("train/pos/0_9", "train", 1, b"Great."),
    ("train/neg/0_2", "train", 0, b"Poor."),
    ("test/pos/7_10", "test", 1, b"Superb."),
}


@pytest.mark.parametrize("name", ["aclImdb", "", "reviews.tar.gz", "reviews.zip"])
def test_reviews(remote, name):
    assert reviews(f"{remote}/{name}".rstrip("/")) == EXPECTED


@pytest.mark.parametrize("name", ["rows.csv", "rows[1].csv.gz"])
def test_labelled_texts(remote, name):
    path = f"{remote}/{name}"
    found = [
        (row.id, row.source, row.label, row.content)
        for row in readers.labelled_texts(path, "train", COLUMNS)
    ]
    assert found == [
        (f"{name}:2", f"{path}:2", 1, b"Good"),
        (f"{name}:3", f"{path}:3", 0, b"Bad"),
    ]


def test_paragraphs(remote):
    (paragraph,) = readers.paragraphs(f"{remote}/squad.json", "train")
    assert paragraph.context == "By Ada Mills in 1894."
    assert paragraph.questions[0].answers == (("Ada Mills", 3),)


def test_match(remote):
    assert files.match(f"{remote}/rows.csv") == [f"{remote}/rows.csv"]
    assert files.match(f"{remote}/rows[1].csv.gz") == [f"{remote}/rows[1].csv.gz"]
    assert files.match(f"{remote}/aclImdb") == [f"{remote}/aclImdb"]
    assert files.match(f"{remote}/r*.csv*") == [f"{remote}/rows.csv", f"{remote}/rows[1].csv.gz"]
    with pytest.raises(InputError, match=r"/none: no such file or folder, and no pattern of one"):
        files.match(f"{remote}/none")
    with pytest.raises(InputError, match=r"/\*\.tsv: no such file or folder"):
        files.match(f"{remote}/*.tsv")


def test_folders(remote, local):
    assert files.is_folder(f"{remote}/aclImdb")
    assert files.is_folder(f"{remote}/aclImdb/train/")
    assert not files.is_folder(f"{remote}/aclImdb/tra")
    assert not files.is_folder(f"{remote}/rows.csv")
    assert files.list_files(f"{remote}/aclImdb") == [
        f"{remote}/aclImdb/test/pos/7_10.txt",
        f"{remote}/aclImdb/train/neg/0_2.txt",
        f"{remote}/aclImdb/train/pos/0_9.txt",
    ]
    for name in ("aclImdb", "reviews.zip"):
        assert files.sha256_of(f"{remote}/{name}") == files.sha256_of(str(local / name))
        assert files.file_size(f"{remote}/{name}") == files.file_size(str(local / name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "cannot read it ("),
        ("none.tar.gz", "no such file or folder, expected aclImdb with reviews at"),
        ("none.txt", "no such file or folder, expected aclImdb as a folder or as .tar"),
    ],
)
def test_missing_sources(remote, name, message):
    with pytest.raises(InputError) as caught:
        reviews(f"{remote}/{name}")
    assert str(caught.value).startswith(f"{remote}/{name}: {message}")
    assert "\n" not in str(caught.value)


def test_a_cut_archive(remote):
    """What goes wrong after a file was opened."""
    with pytest.raises(InputError) as caught:
        reviews(f"{remote}/cut.tgz")
    assert str(caught.value).startswith(
        f"{remote}/cut.tgz: cannot read it (Compressed file ended before the end-of-stream marker "
        "was reached), expected a tar archive with reviews at"
    )


@pytest.mark.parametrize(
    ("flags", "path", "message"),
    [
        ([], "hdfs://x.csv", "hdfs://x.csv: cannot read it (hdfs_host is not set)."),
        (
            ["--s3_region_name=us-east-1", "--s3_endpoint_url=no address"],
            "s3://bucket/x.csv",
            "s3://bucket/x.csv: cannot read it (Invalid endpoint: no address).",
        ),
    ],
)
def test_flags_that_are_missing_or_wrong(flags, path, message):
    remote_files.configure(flags)
    with pytest.raises(InputError) as caught:
        files.open_file(path)
    FileSystems.set_options(None)
    assert str(caught.value) == message
