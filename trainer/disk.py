"""Files that are on the disk when they have their name, and what to do when they cannot be."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

from preprocessing.errors import InputError

_GO_ON = "give the same command again: it goes on from the last checkpoint that is whole"
MAKE_ROOM = f"Make room, and {_GO_ON}."
_PERMIT = f"Name another --output_dir, or make this one writable and {_GO_ON}."
_MEND = f"Mend that, and {_GO_ON}."
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FIXES = dict.fromkeys(FULL, MAKE_ROOM) | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), _PERMIT
)


def write_error(error: OSError, place: str) -> InputError:
    """The error of a file of a run that cannot be written, with what the system says and a fix."""
    fix = _FIXES.get(error.errno or 0, _MEND)
    return InputError(f"{place}: {error.strerror or error}. {fix}")


@contextlib.contextmanager
def disk_errors(run_dir: pathlib.Path) -> Iterator[None]:
    """Tells what to do when a file of a run cannot be written.

    Args:
        run_dir: where the run writes.

    Raises:
        InputError: for an OSError that names a file in the run's directory, or that says that
            there is no space, which may name none. Others are mistakes of ours.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL and not is_inside(run_dir, error.filename):
            raise
        raise write_error(error, error.filename or "--output_dir") from error


def is_inside(folder: pathlib.Path, name: object) -> bool:
    """Whether an OSError's file is in the folder; there may be none, or a descriptor."""
    if not isinstance(name, str | os.PathLike):
        return False
    return pathlib.Path(name).absolute().is_relative_to(folder.absolute())


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
