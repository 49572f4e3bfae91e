"""A model's folder: one subfolder per version, named by an increasing integer.

What is not whole has a name that no server takes for a version. Exporters may be killed at any
moment and run at the same time: see `unpublished_version` and `publish`.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

from preprocessing.errors import InputError
from trainer.disk import FULL, is_inside, sync

SAVED_MODEL = "saved_model.pb"  # a folder without it is half copied, or no version

_UNPUBLISHED = ".unpublished-"
_OWNER_FILE = "owner-lock"  # locked as long as the exporter lives
_VERSION_FOLDER = "version"
_LAST_VERSION_FILE = ".last_version"  # the highest number that was ever given


def version_folders(model_dir: pathlib.Path) -> dict[int, pathlib.Path]:
    """Number -> folder of every version, lowest first; none when the folder does not exist."""
    numbered = _numbered_folders(model_dir)
    return {number: path for number, path in numbered if (path / SAVED_MODEL).is_file()}


def versions(model_dir: pathlib.Path) -> list[int]:
    """The numbers of `version_folders`."""
    return list(version_folders(model_dir))


def _numbered_folders(model_dir: pathlib.Path) -> list[tuple[int, pathlib.Path]]:
    """Whatever a server would take for a version."""
    if not model_dir.is_dir():
        return []
    # `isdigit` alone would take the digits of other scripts, which TF Serving does not.
    return sorted(
        (int(child.name), child)
        for child in model_dir.iterdir()
        if child.name.isascii() and child.name.isdigit() and child.is_dir()
    )


def newest_version(model_dir: pathlib.Path) -> pathlib.Path:
    """The folder of a model's newest version; a version's own folder is taken as it is.

    Raises:
        InputError: there is none.
    """
    if (model_dir / SAVED_MODEL).is_file():
        return model_dir
    found = version_folders(model_dir)
    if not found:
        raise InputError(
            f"{model_dir}: no version of a model in it (folders named 1, 2, … that hold "
            f"{SAVED_MODEL}). Make one with `python -m serving.export --run_dir … --model_dir …`."
        )
    return found[max(found)]


@contextlib.contextmanager
def unpublished_version(model_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """A temporary folder for a version, removed at the end; what killed exporters left goes first.

    Raises:
        InputError: nothing can be written there, or the disk is full.
    """
    with _write_errors(model_dir):
        model_dir.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(model_dir)
        owned, lock = _owned_folder(model_dir)
        try:
            folder = owned / _VERSION_FOLDER
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(owned, ignore_errors=True)
            os.close(lock)


def _owned_folder(model_dir: pathlib.Path) -> tuple[pathlib.Path, int]:
    """A new folder, and the descriptor of the lock in it that says that its owner lives.

    The system lets go of a lock when the process ends, however it ends.
    """
    while True:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=_UNPUBLISHED, dir=model_dir))
        # Another exporter may take the folder for a leftover until it is locked.
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            lock = os.open(folder / _OWNER_FILE, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(lock), os.stat(folder / _OWNER_FILE)):
                    return folder, lock
            except OSError:
                os.close(lock)
                raise
            os.close(lock)


def _remove_leftovers(model_dir: pathlib.Path) -> None:
    """Removes the temporary folders of exporters that are gone."""
    for folder in model_dir.glob(f"{_UNPUBLISHED}*"):
        # Without the file it is just being made, or was left by a kill at that very moment.
        with contextlib.suppress(OSError):  # its owner lives, or has just removed it
            lock = os.open(folder / _OWNER_FILE, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def publish(folder: pathlib.Path, model_dir: pathlib.Path) -> pathlib.Path:
    """Renames a finished folder to the next version: a server sees all of it or nothing.

    A number is given once, even when its version is removed: a server tells versions by their
    numbers alone, and would go on with what it holds of an earlier one.
    """
    folder.chmod(0o755)  # a server of another user reads it; temporary folders are private
    _sync_tree(folder)
    with _next_number(model_dir) as number:
        target = model_dir / str(number)
        os.rename(folder, target)
    sync(model_dir)
    return target


def _sync_tree(folder: pathlib.Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(pathlib.Path(parent, name))
        sync(pathlib.Path(parent))


@contextlib.contextmanager
def _next_number(model_dir: pathlib.Path) -> Iterator[int]:
    """A number above all that were given; nobody else gets one meanwhile."""
    descriptor = os.open(model_dir / _LAST_VERSION_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        digits = re.match("[0-9]{0,18}", file.read())  # int64; a kill can leave it empty
        last = int(digits[0] or 0) if digits else 0
        number = max([last, *dict(_numbered_folders(model_dir))]) + 1
        file.seek(0)
        file.write(f"{number}\n")  # never shorter than before
        file.flush()
        os.fsync(descriptor)
        yield number


@contextlib.contextmanager
def _write_errors(model_dir: pathlib.Path) -> Iterator[None]:
    """Says what to do when the folder cannot be written, or is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL and not is_inside(model_dir, error.filename):
            raise
        fix = "Make room" if error.errno in FULL else "Make it writable"
        raise InputError(
            f"--model_dir {model_dir}: {error.strerror}; nothing is published. {fix}, or name "
            "another folder."
        ) from error
