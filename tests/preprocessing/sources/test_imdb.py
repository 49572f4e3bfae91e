import collections
import hashlib
import io
import pickle
import tarfile
import tracemalloc
import zipfile

import pytest

from preprocessing.errors import InputError
from preprocessing.sources.imdb import read_reviews

REVIEWS = {
    "train/pos/0_9": b"Great.",
    "train/neg/0_2": b"Poor.",
    "test/pos/7_10": b"Superb.",
    "train/unsup/0_0": b"Not labelled.",
}


def write_tar(path, files, mode="w:gz", folder=".", **options):
    with tarfile.open(path, mode, **options) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/aclImdb/{name}.txt".removeprefix("./"))
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


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_read_reviews_of_a_tar_file(tmp_path, mode, kind):
    path = write_tar(tmp_path / "reviews.tar", REVIEWS, mode, format=kind)
    assert fields(str(path)) == EXPECTED


def test_read_reviews_below_a_long_path(tmp_path):
    # More than a header's 256 characters: GNU and pax put them in a member of their own.
    folder = "/".join(["a" * 50] * 6)
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = write_tar(tmp_path / "x.tar", REVIEWS, "w", folder=folder, format=kind)
        assert fields(str(path)) == EXPECTED


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_read_reviews_of_a_zip_file(tmp_path, method):
    path = tmp_path / "reviews.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in REVIEWS.items():
            archive.writestr(f"./aclImdb/{name}.txt", content)
    assert fields(str(path)) == EXPECTED
    assert [review.source for review in read_reviews(str(path))] == [
        f"{path}:./aclImdb/train/pos/0_9.txt",
        f"{path}:./aclImdb/train/neg/0_2.txt",
        f"{path}:./aclImdb/test/pos/7_10.txt",
    ]


def test_read_reviews_names_the_file_of_each(tmp_path):
    path = write_tar(tmp_path / "reviews.tar.gz", {"train/pos/0_9": b"Great."})
    (review,) = read_reviews(str(path))
    assert review.source == f"{path}:aclImdb/train/pos/0_9.txt"
    assert review.size == 6
    assert pickle.loads(pickle.dumps(review)) == review


def missing(tmp_path):
    return tmp_path / "none.tar.gz"


def folder_without_reviews(tmp_path):
    (tmp_path / "aclImdb" / "train").mkdir(parents=True)
    return tmp_path / "aclImdb"


def archive_of_something_else(tmp_path):
    return write_tar(tmp_path / "other.tar.gz", {"notes/a": b"a"})


def text_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello world " * 100)
    return path


def empty_file(tmp_path):
    path = tmp_path / "empty.tar.gz"
    path.write_bytes(b"")
    return path


def zip_that_is_a_tar(tmp_path):
    return write_tar(tmp_path / "reviews.zip", REVIEWS)


def zip_with_a_password(tmp_path):
    """Made as an encrypted one by its flag bits, in the local header and in the directory."""
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("aclImdb/train/pos/0_9.txt", b"Great.")
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    return path


def archive_with_a_link(tmp_path):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("aclImdb/train/pos/0_9.txt")
        member.type, member.linkname = tarfile.SYMTYPE, "1_9.txt"
        archive.addfile(member)
    return path


LAYOUT = "with reviews at aclImdb/{train,test}/{pos,neg}/<id>_<rating>.txt."


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (missing, f"no such file or folder, expected aclImdb {LAYOUT}"),
        (folder_without_reviews, f"no labelled review in it, expected a source {LAYOUT}"),
        (archive_of_something_else, f"no labelled review in it, expected a source {LAYOUT}"),
        (
            text_file,
            f"cannot read it (cut or damaged: invalid header), expected a tar archive {LAYOUT}",
        ),
        (
            empty_file,
            f"cannot read it (cut or damaged: empty header), expected a tar archive {LAYOUT}",
        ),
        (
            zip_that_is_a_tar,
            f"cannot read it (File is not a zip file), expected a zip archive {LAYOUT}",
        ),
        (
            zip_with_a_password,
            "cannot read it (aclImdb/train/pos/0_9.txt is encrypted), expected a zip archive "
            + LAYOUT,
        ),
        (
            archive_with_a_link,
            "cannot read it (aclImdb/train/pos/0_9.txt is a link or the like, not a file), "
            f"expected a tar archive {LAYOUT}",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, source, message):
    path = source(tmp_path)
    with pytest.raises(InputError) as caught:
        list(read_reviews(str(path)))
    assert str(caught.value) == f"{path}: {message}"


def unreadable(path):
    with pytest.raises(InputError) as caught:
        list(read_reviews(str(path)))
    start = f"{path}: cannot read it ("
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(start).partition("), expected")[0]


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
def test_a_cut_archive_is_never_taken_for_a_whole_one(tmp_path, share, mode):
    reviews = {f"train/pos/{i}_9": bytes([i % 256]) * i for i in range(200)}
    whole = write_tar(tmp_path / "whole", reviews, mode).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: int(len(whole) * share)])
    assert unreadable(cut) == "Compressed file ended before the end-of-stream marker was reached"


def test_a_plain_tar_cut_anywhere_before_its_end_is_refused(tmp_path):
    # Blocks of 512 bytes: a header and a review, three times, and the blocks of zeros at the end.
    reviews = {f"train/pos/{i}_9": b"Great." for i in range(3)}
    whole = write_tar(tmp_path / "whole.tar", reviews, "w").read_bytes()
    cut = tmp_path / "cut.tar"
    for size in [1, 100, 511, *range(512, 6 * 512, 256), 6 * 512, 6 * 512 + 511]:
        cut.write_bytes(whole[:size])
        unreadable(cut)
    cut.write_bytes(whole[: 7 * 512])
    assert len(fields(str(cut))) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({2 * 512 + 3: b"X"}, "cut or damaged: bad checksum", id="header"),
        pytest.param({2 * 512: bytes(512)}, "more data after the end of the archive", id="zeros"),
        pytest.param({6 * 512 + 700: b"x"}, "more data after the end of the archive", id="after"),
    ],
)
def test_a_damaged_plain_tar_is_refused(tmp_path, change, message):
    reviews = {f"train/pos/{i}_9": b"Great." for i in range(3)}
    path = write_tar(tmp_path / "damaged.tar", reviews, "w")
    content = bytearray(path.read_bytes())
    for place, value in change.items():
        content[place : place + len(value)] = value
    path.write_bytes(content)
    assert unreadable(path) == message


def test_damaged_compressed_content_is_found(tmp_path):
    content = bytearray(write_tar(tmp_path / "whole.tar.gz", REVIEWS).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "damaged.tar.gz").write_bytes(content)
    unreadable(tmp_path / "damaged.tar.gz")


def test_damaged_content_of_a_zip_file_is_found(tmp_path):
    path = tmp_path / "reviews.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("aclImdb/train/pos/0_9.txt", b"Great.")
    path.write_bytes(path.read_bytes().replace(b"Great.", b"Grate."))
    assert unreadable(path) == "Bad CRC-32 for file 'aclImdb/train/pos/0_9.txt'"
    path.write_bytes(path.read_bytes()[:-10])
    assert unreadable(path) == "File is not a zip file"


def test_a_review_that_cannot_be_read_is_named(small_imdb):
    folder = small_imdb(REVIEWS)
    (folder / "train/pos/1_9.txt").mkdir()
    with pytest.raises(InputError, match=r"1_9\.txt: cannot read it \(Is a directory\)"):
        list(read_reviews(str(folder)))


def test_other_files_are_left_out(small_imdb):
    folder = small_imdb(
        {**REVIEWS, "train/pos/notes": b"x", "train/pos/1_9.txt~": b"x", "train/pos/a/2_9": b"x"}
    )
    assert fields(str(folder)) == EXPECTED


def test_memory_holds_a_review_and_not_the_archive(tmp_path):
    reviews = {f"train/pos/{i}_9": bytes([i % 256]) * 10_000 for i in range(3000)}
    path = write_tar(tmp_path / "reviews.tar.gz", reviews)  # 30 MB unpacked
    tracemalloc.start()
    try:
        assert sum(review.size for review in read_reviews(str(path))) == 30_000_000
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.realdata
def test_the_real_archive_gives_what_tar_gives(real_data):
    path = real_data / "aclImdb_v1.tar.gz"
    counts = collections.Counter()
    digests = {}
    for review in read_reviews(str(path)):
        counts[review.split, review.label] += 1
        digests[review.id] = hashlib.sha256(review.content).digest()
    assert counts == {(split, label): 12_500 for split in ("train", "test") for label in (0, 1)}
    with tarfile.open(path) as archive:
        for member in archive:
            review_id = member.name.removeprefix("aclImdb/").removesuffix(".txt")
            if review_id in digests:
                content = archive.extractfile(member).read()
                assert digests.pop(review_id) == hashlib.sha256(content).digest()
    assert digests == {}
