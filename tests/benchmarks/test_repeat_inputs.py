import io
import json
import tarfile

import pytest

from benchmarks import repeat_inputs
from preprocessing.errors import InputError


def write_archive(path, reviews):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in reviews.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read_archive(path):
    with tarfile.open(path) as archive:
        return [(member.name, archive.extractfile(member).read()) for member in archive]


def repeat(task, source, output, times="3"):
    repeat_inputs.main([task, "--input", str(source), "--times", times, "--output", str(output)])


def test_reviews_come_again_under_new_numbers(tmp_path):
    reviews = {"README": b"no review", "train/pos/0_9.txt": b"Great.", "test/neg/12499_1.txt": b""}
    output = tmp_path / "new" / "repeated.tar.gz"
    repeat("imdb", write_archive(tmp_path / "a.tar.gz", reviews), output)
    assert read_archive(output) == [
        ("aclImdb/train/pos/0_9.txt", b"Great."),
        ("aclImdb/test/neg/12499_1.txt", b""),
        ("aclImdb/train/pos/12500_9.txt", b"Great."),
        ("aclImdb/test/neg/24999_1.txt", b""),
        ("aclImdb/train/pos/25000_9.txt", b"Great."),
        ("aclImdb/test/neg/37499_1.txt", b""),
    ]


def test_the_same_archive_gives_the_same_bytes(tmp_path):
    source = write_archive(tmp_path / "a.tar.gz", {"train/pos/0_9.txt": b"Great."})
    repeat("imdb", source, tmp_path / "1.tar.gz")
    repeat("imdb", source, tmp_path / "2.tar.gz")
    assert (tmp_path / "1.tar.gz").read_bytes() == (tmp_path / "2.tar.gz").read_bytes()


def test_questions_come_again_under_new_ids(tmp_path):
    def article(*ids):
        paragraph = {"context": "C", "qas": [{"id": i, "question": "?"} for i in ids]}
        return {"title": "T", "paragraphs": [paragraph]}

    source, output = tmp_path / "squad.json", tmp_path / "repeated.json"
    source.write_text(json.dumps({"data": [article("a", "b")], "version": "1.1"}))
    repeat("squad", source, output)
    assert json.loads(output.read_text()) == {
        "version": "1.1",
        "data": [article("a", "b"), article("a-1", "b-1"), article("a-2", "b-2")],
    }


def test_an_id_that_a_copy_would_take(tmp_path):
    source = write_archive(tmp_path / "a.tar.gz", {"train/pos/12500_9.txt": b""})
    with pytest.raises(
        InputError, match=r"12500_9\.txt has the id 12500, expected one below 12500"
    ):
        repeat("imdb", source, tmp_path / "out.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize(
    ("task", "content", "times", "message"),
    [
        ("imdb", b"text", "2", "cannot be read"),
        ("squad", b"text", "2", "not a SQuAD file"),
        ("squad", b"{}", "2", "not a SQuAD file"),
        ("squad", b'{"data": []}', "0", "--times is 0, expected at least 1"),
    ],
    ids=["no-archive", "no-json", "no-data", "no-times"],
)
def test_input_that_cannot_be(tmp_path, task, content, times, message):
    (tmp_path / "source").write_bytes(content)
    with pytest.raises(InputError, match=message):
        repeat(task, tmp_path / "source", tmp_path / "out", times)
    assert not (tmp_path / "out").exists()
