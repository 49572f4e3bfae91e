"""The Large Movie Review Dataset (aclImdb), as a folder, a tar file or a zip file, to reviews."""

import os
import re
import tarfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Review
from preprocessing.sources.tar_stream import MAX_FILE_SIZE, read_files

LABELS = ("neg", "pos")
_PARTS = [f"{split}/{label}" for split in ("test", "train") for label in LABELS]
# aclImdb/train/pos/0_9.txt: id 0, rating 9. The unsupervised part is not labelled.
_REVIEW_PATH = re.compile(r"(?:^|/)aclImdb/((train|test)/(pos|neg)/(\d+_\d+))\.txt$", re.ASCII)
_EXPECTED = "with reviews at aclImdb/{train,test}/{pos,neg}/<id>_<rating>.txt"


def read_reviews(path: str) -> Iterator[Review]:
    """All labelled reviews of a source, one after the other out of the file.

    Args:
        path: the aclImdb folder, the one it lies in, or a tar file (also compressed) or zip
            file of it; on any file system.

    Raises:
        InputError: nothing there, it cannot be read to its end, or it holds no review in
            aclImdb's layout.
    """
    found = False
    for name, content in _read_files(path):
        match = _REVIEW_PATH.search(name)
        if match:
            found = True
            review_id, split, label, _ = match.groups()
            yield Review(review_id, split, LABELS.index(label), f"{path}:{name}", content)
    if not found:
        raise InputError(f"{path}: no labelled review in it, expected a source {_EXPECTED}.")


def _read_files(path: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of what may be reviews."""
    if files.is_folder(path):
        return _read_folder(path)
    if not files.exists(path):
        raise InputError(f"{path}: no such file or folder, expected aclImdb {_EXPECTED}.")
    return _read_zip(path) if files.extension_of(path) == ".zip" else _read_tar(path)


def _read_folder(folder: str) -> Iterator[tuple[str, bytes]]:
    """Takes the aclImdb folder itself as well as the one it lies in."""
    name = files.name_of(folder if files.scheme_of(folder) else os.path.abspath(folder))
    root = folder.rstrip("/") if name == "aclImdb" else f"{folder.rstrip('/')}/aclImdb"
    for part in _PARTS:
        for file in files.list_folder(f"{root}/{part}"):
            review = f"aclImdb/{part}/{files.name_of(file)}"
            if _REVIEW_PATH.search(review):
                yield review, files.read_file(file)


def _read_tar(path: str) -> Iterator[tuple[str, bytes]]:
    with files.reading(path, f"a tar archive {_EXPECTED}", tarfile.ReadError) as stream:
        yield from read_files(stream, _REVIEW_PATH)


def _read_zip(path: str) -> Iterator[tuple[str, bytes]]:
    # The latter two: a kind of compression that is newer, and names that are not UTF-8.
    errors = zipfile.BadZipFile, NotImplementedError, ValueError
    with (
        files.reading(path, f"a zip archive {_EXPECTED}", *errors) as stream,
        zipfile.ZipFile(stream) as archive,
    ):
        _check_directory(stream, archive)
        for member in archive.infolist():
            if member.flag_bits & 1:
                raise zipfile.BadZipFile(f"{member.filename} is encrypted")
            # Opens any file: that compares its name with the other copy of it. By a damaged name
            # a review would not be known as such.
            with archive.open(member) as file:
                if _REVIEW_PATH.search(member.filename):
                    if member.file_size > MAX_FILE_SIZE:
                        raise zipfile.BadZipFile(f"{member.filename} is too long")
                    yield member.filename, file.read()


def _check_directory(stream: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Compares the number of files with the one at the archive's end.

    A damaged entry can hide those behind it, in what then looks like its comment.
    """
    stream.seek(-22 - len(archive.comment), os.SEEK_END)
    expected = int.from_bytes(stream.read(22)[10:12], "little")
    found = len(archive.infolist())
    if expected not in (found, 0xFFFF):  # in 16 bits, or elsewhere in zip64
        raise zipfile.BadZipFile(f"its directory has {found} files, but says {expected}")
