"""A lock on a place on a file system: the system lets go of it when its process ends, however."""

import contextlib
import fcntl
import os


def open_locked(path: str) -> int:
    """Opens a lock file, made with its folder where they are not there.

    Whoever lets go of it deletes the file before it closes the descriptor.

    Returns:
        The descriptor that holds the lock.

    Raises:
        BlockingIOError: another process, or another part of this one, holds it.
        OSError: it cannot be written there.
    """
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(path))
        # A job that ends just now deletes the folder and, while it is open here, the file.
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT)  # NFS: to be locked, open to write
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
