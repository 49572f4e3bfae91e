"""A full disk, wherever it shows."""

import contextlib
import errno
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
