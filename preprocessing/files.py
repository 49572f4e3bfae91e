"""Source files, local or on gs://, s3:// and hdfs:// alike; and compressed ones unpacked."""

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from preprocessing import remote_files
from preprocessing.errors import InputError
from preprocessing.remote_files import one_line, scheme_of

_BUFFER_SIZE = 1 << 18  # bytes of unpacked content
# By the first bytes of a compressed file: its name may say anything.
_UNPACK: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
# What reading a file raises that is missing, cut or damaged.
_READ_ERRORS: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, lzma.LZMAError)


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rstrip("/").rpartition("/")[2]


def extension_of(path: str) -> str:
    """ ".csv" of "Reviews.CSV.gz": lower case, without that of a compression."""
    name = name_of(path).lower()
    for ending in (".gz", ".bz2", ".xz"):
        name = name.removesuffix(ending)
    return os.path.splitext(name)[1]


def match(pattern: str) -> list[str]:
    """What a pattern names, in the order of the names.

    Args:
        pattern: a file, a folder, or files by `*` (within a folder), `**` (across folders),
            `?` and `[…]`.

    Raises:
        InputError: nothing is there.
    """
    if exists(pattern):
        return [pattern]
    found = remote_files.match(pattern) if re.search(r"[*?[]", pattern) else []
    if not found:
        raise InputError(f"{pattern}: no such file or folder, and no pattern of one.")
    return sorted(found)


def exists(path: str) -> bool:
    """Whether there is a file, or a folder with anything in it."""
    if not scheme_of(path):
        return os.path.exists(path)
    return remote_files.exists(path) or remote_files.is_folder(path)


def is_folder(path: str) -> bool:
    """Whether a path is a folder; an object store has none but those with files below them."""
    return remote_files.is_folder(path) if scheme_of(path) else os.path.isdir(path)


def list_folder(folder: str) -> list[str]:
    """Paths of the files in a folder, in the order of their names; none if it is not there.

    On file systems that have folders of their own these are listed too.
    """
    if scheme_of(folder):
        return sorted(remote_files.list_folder(folder))
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in sorted(names)]


def list_files(folder: str) -> list[str]:
    """All files below a folder at any depth, in the order of their paths' parts."""
    found = remote_files.list_files(folder) if scheme_of(folder) else _walk(folder)
    return sorted(found, key=lambda path: path.split("/"))


def _walk(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)


def open_file(path: str) -> BinaryIO:
    """Opens a file as it is stored, to read and seek.

    Raises:
        InputError: it is not there, or must not be read. Later errors are OSErrors, on any
            file system.
    """
    if scheme_of(path):
        return remote_files.open_file(path)
    try:
        return open(path, "rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def read_file(path: str) -> bytes:
    """The content of a small file, as it is stored.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    try:
        with open_file(path) as stream:
            return stream.read()
    except OSError as error:
        raise _unreadable(path, error) from error


@contextlib.contextmanager
def reading(path: str, expected: str, *errors: type[Exception]) -> Iterator[BinaryIO]:
    """Opens a file, unpacked if it is compressed with gzip, bzip2 or xz.

    Args:
        path: on any file system.
        expected: what the file should be, for messages: "a tar archive".
        errors: what the block's own parser raises for a file that is something else.

    Raises:
        InputError: the file is not there, cut, damaged, or one of `errors` was raised.
    """
    try:
        with open_file(path) as stream, _unpacked(stream) as content:
            yield content
    except InputError:
        raise
    except _READ_ERRORS + errors as error:
        raise _unreadable(path, error, expected) from error


@contextlib.contextmanager
def _unpacked(stream: BinaryIO) -> Iterator[BinaryIO]:
    head = _head(stream)
    unpack = next((_UNPACK[magic] for magic in _UNPACK if head.startswith(magic)), None)
    if unpack is None:
        yield stream
    else:
        with io.BufferedReader(cast(io.RawIOBase, unpack(stream)), _BUFFER_SIZE) as content:
            yield cast(BinaryIO, content)


def _head(stream: BinaryIO) -> bytes:
    """The first bytes, still to be read; of a pipe those that came first."""
    if not stream.seekable():
        return cast(io.BufferedReader, stream).peek(6)
    head = stream.read(6)
    stream.seek(0)
    return head


def file_size(path: str) -> int:
    """Bytes of a file as it is stored; of a folder, of all files below it.

    Raises:
        InputError: it is not there, or must not be read.
    """
    if scheme_of(path):
        below = remote_files.list_files(path).values()
        return sum(below) if below else remote_files.size(path)
    try:
        if os.path.isdir(path):
            return sum(os.path.getsize(file) for file in _walk(path))
        return os.path.getsize(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def sha256_of(path: str) -> str:
    """SHA-256 of a file; of a folder, over the relative names and contents of its files.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    if not is_folder(path):
        return _sha256_of_file(path)
    digest, root = hashlib.sha256(), path.rstrip("/") + "/"
    for file in list_files(path):
        line = f"{file.removeprefix(root)} {_sha256_of_file(file)}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _sha256_of_file(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with open_file(path) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _unreadable(path: str, error: Exception, expected: str = "") -> InputError:
    wanted = f", expected {expected}" if expected else ""
    return InputError(f"{path}: cannot read it ({one_line(error)}){wanted}.")
