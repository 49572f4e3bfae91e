import io
import tarfile

import pytest
import tensorflow as tf

from preprocessing import features
from preprocessing.errors import InputError
from preprocessing.imdb import (
    LabelledText,
    Review,
    check_review,
    check_source,
    read_reviews,
    record_of_review,
)
from preprocessing.records import Rejected

REVIEWS = {
    "train/pos/0_9": b"Great.",
    "train/neg/0_2": b"Poor.",
    "test/pos/7_10": b"Superb.",
    "train/unsup/0_0": b"Not labelled.",
}


def write_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"aclImdb/{name}.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def fields(path):
    return {
        review.id: (review.split, review.label, review.content) for review in read_reviews(path)
    }


EXPECTED = {
    "train/pos/0_9": ("train", 1, b"Great."),
    "train/neg/0_2": ("train", 0, b"Poor."),
    "test/pos/7_10": ("test", 1, b"Superb."),
}


def test_read_reviews_of_a_folder(small_imdb, monkeypatch):
    folder = small_imdb(REVIEWS)
    assert fields(str(folder)) == EXPECTED
    assert fields(str(folder.parent)) == EXPECTED
    monkeypatch.chdir(folder)
    assert fields(".") == EXPECTED


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_read_reviews_of_an_archive(tmp_path, mode):
    assert fields(str(write_tar(tmp_path / "reviews.tar", REVIEWS, mode))) == EXPECTED


def test_read_reviews_names_the_file_of_each(tmp_path):
    path = write_tar(tmp_path / "reviews.tar.gz", {"train/pos/0_9": b"Great."})
    (review,) = read_reviews(str(path))
    assert review.source == f"{path}:aclImdb/train/pos/0_9.txt"


def missing(tmp_path):
    return tmp_path / "none.tar.gz"


def folder_without_reviews(tmp_path):
    (tmp_path / "aclImdb" / "train").mkdir(parents=True)
    return tmp_path / "aclImdb"


def archive_of_something_else(tmp_path):
    return write_tar(tmp_path / "other.tar.gz", {"notes/a": b"a"})


def text_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello world")
    return path


def empty_file(tmp_path):
    path = tmp_path / "empty.tar.gz"
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (missing, "no such file or folder"),
        (folder_without_reviews, "no labelled review in it"),
        (archive_of_something_else, "no labelled review in it"),
        (text_file, "cannot be read as a tar archive"),
        (empty_file, "cannot be read as a tar archive"),
    ],
)
def test_check_source_says_what_is_wrong(tmp_path, source, message):
    path = source(tmp_path)
    with pytest.raises(InputError) as caught:
        check_source(str(path))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "aclImdb/{train,test}/{pos,neg}/<id>_<rating>.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
def test_a_cut_archive_is_never_taken_for_a_whole_one(tmp_path, share):
    reviews = {f"train/pos/{i}_9": bytes([i % 256]) * i for i in range(200)}
    whole = write_tar(tmp_path / "whole.tar.gz", reviews).read_bytes()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"cut\.tar\.gz: cannot be read as a tar archive"):
        list(read_reviews(str(cut)))


def test_damaged_content_is_found(tmp_path):
    content = bytearray(write_tar(tmp_path / "whole.tar.gz", REVIEWS).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "damaged.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.tar\.gz: cannot be read as a tar archive"):
        list(read_reviews(str(tmp_path / "damaged.tar.gz")))


def test_a_review_that_cannot_be_read_is_named(small_imdb):
    folder = small_imdb(REVIEWS)
    (folder / "train/pos/1_9.txt").mkdir()
    with pytest.raises(InputError, match=r"1_9\.txt: cannot read it \(Is a directory\)"):
        list(read_reviews(str(folder)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Caf\xc3\xa9 <br />", LabelledText("train/pos/0_9", "train", 1, "Café <br />")),
        (b"", Rejected("train", "tar", "train/pos/0_9", "empty_text")),
        (b" \n\t", Rejected("train", "tar", "train/pos/0_9", "empty_text")),
        (b"Caf\xe9", Rejected("train", "tar", "train/pos/0_9", "invalid_utf8")),
    ],
    ids=["good", "empty", "white-space", "latin-1"],
)
def test_check_review(content, expected):
    review = Review("train/pos/0_9", "train", 1, "tar", content)
    assert check_review(review, validation_fraction=0.0) == expected


def test_validation_is_a_share_of_the_training_reviews_only():
    def splits(split):
        reviews = [Review(f"{split}/pos/{i}_9", split, 1, "tar", b"x") for i in range(1000)]
        return [check_review(review, validation_fraction=0.2).split for review in reviews]

    assert 160 <= splits("train").count("validation") <= 240
    assert set(splits("test")) == {"test"}


@pytest.mark.parametrize(
    ("max_seq_length", "expected"),
    [(6, [101, 7, 8, 9, 102]), (5, [101, 7, 8, 9, 102]), (4, [101, 7, 8, 102]), (3, [101, 7, 102])],
)
def test_record_of_review_keeps_the_beginning(max_seq_length, expected):
    review = LabelledText("train/pos/0_9", "train", 1, "…")
    record = record_of_review(review, [7, 8, 9], max_seq_length, cls_id=101, sep_id=102)
    parsed = features.parse("imdb", tf.constant([record.serialized]))
    assert parsed["token_ids"].to_list() == [expected]
    assert record.num_tokens == len(expected)
    assert parsed["label"].numpy().tolist() == [1]
    assert parsed["id"].numpy().tolist() == [b"train/pos/0_9"]
