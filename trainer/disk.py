"""Files that are on the disk when they have their name, and a disk that is full."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

from preprocessing.errors import InputError

MAKE_ROOM = (
    "Make room, and give the same command again: it goes on from the last checkpoint that is whole."
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Tells what to do when a file cannot be written.

    Raises:
        InputError: for an OSError that says that there is no space for a file.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(
            f"{error.filename or '--output_dir'}: {error.strerror}. {MAKE_ROOM}"
        ) from error


def put_in_place(temporary: pathlib.Path, path: pathlib.Path) -> None:
    """Renames a file that is written; after it the file is on the disk, under its name.

    Without the first sync a power cut can leave the name with an empty file, without the second
    the name can be gone.
    """
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)


def sync(path: pathlib.Path) -> None:
    """Waits until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reserve(path: pathlib.Path, size: int) -> None:
    """Makes a file of so many bytes, for a library that takes a full disk badly to write over.

    Raises:
        OSError: there is no space for it; nothing is left of it.
    """
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            path.unlink()
            reason = f"{error.strerror}, {size:,} bytes are needed"
            raise OSError(error.errno, reason, str(path)) from error
