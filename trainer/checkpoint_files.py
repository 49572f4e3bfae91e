"""Checkpoint files: each is whole or not there, and is checked when it is read.

One is called `step-000000012-<digits>.safetensors`: the steps done, and the first 16 digits of the
SHA-256 of all its bytes, so that a file that was cut short or changed does not fit its name. One
that is kept apart as the best is called `best-…` instead. Imports no TensorFlow.
"""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import shutil
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from preprocessing.errors import InputError
from trainer.disk import MAKE_ROOM, put_in_place, sync, write_error

Arrays = dict[str, np.ndarray]
LAST, BEST = "step", "best"
_NAME = re.compile(r"(?:step|best)-(\d{9,})-([0-9a-f]{16})\.safetensors")
_TEMPORARY = ".writing.safetensors"
_HEADER_BYTES = 1 << 16  # names, shapes and the place: more than they take


class BrokenCheckpointError(Exception):
    """A checkpoint file that cannot be used; the message is the reason."""


def newest_first(folder: pathlib.Path, kind: str = LAST) -> list[pathlib.Path]:
    """The checkpoint files of a kind, whole or not, by their steps and then by their time."""
    found = {}
    for path in folder.glob(f"{kind}-*"):
        with contextlib.suppress(FileNotFoundError):  # the worker that writes has removed it since
            if _NAME.fullmatch(path.name):
                found[path] = (_step_of(path), path.stat().st_mtime_ns)
    return sorted(found, key=lambda path: found[path], reverse=True)


def _step_of(path: pathlib.Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match, path
    return int(match[1])


def write(
    folder: pathlib.Path, step: int, arrays: Arrays, metadata: Mapping[str, str]
) -> pathlib.Path:
    """Writes a checkpoint file; when this returns it is on the disk under its name.

    Args:
        folder: is made when it is not there.
        step: steps done.
        arrays: name -> contiguous array.
        metadata: text that is kept beside them.

    Raises:
        InputError: there is no space, or the file cannot be written. Nothing is left of it.
    """
    temporary = folder / _TEMPORARY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_space(folder, arrays)
        _write(temporary, arrays, metadata)
        path = folder / f"{LAST}-{step:09}-{_digest(temporary)}.safetensors"
        put_in_place(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        place = f"{folder}: a checkpoint of {_bytes_of(arrays):,} bytes could not be written"
        raise write_error(error, place) from error
    return path


def check_space(folder: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Checks that a checkpoint of these arrays fits beside those that are there.

    Raises:
        InputError: it does not.
    """
    needed, free = _bytes_of(arrays), _free(folder)
    if free < needed:
        raise InputError(
            f"{folder}: a checkpoint needs {needed:,} bytes, but {free:,} are free. {MAKE_ROOM}"
        )


def _free(folder: pathlib.Path) -> int:
    return shutil.disk_usage(folder if folder.exists() else folder.parent).free


def _bytes_of(arrays: Mapping[str, np.ndarray]) -> int:
    return _HEADER_BYTES + sum(array.nbytes for array in arrays.values())


def _write(path: pathlib.Path, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    path.touch()
    mode = path.stat().st_mode  # as the user's umask has it: safetensors' own is 0600
    try:
        save_file(arrays, path, metadata=dict(metadata))
    except SafetensorError as error:
        raise _os_error(error, path) from error
    path.chmod(mode)


def _os_error(error: SafetensorError, path: pathlib.Path) -> OSError:
    """What the system told safetensors, whose message ends as Rust's do: `(os error 28)`."""
    match = re.search(r"\(os error (\d+)\)", str(error))
    number = int(match[1]) if match else errno.EIO
    return OSError(number, os.strerror(number) if match else str(error), str(path))


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def read(path: pathlib.Path) -> tuple[Arrays, dict[str, str]]:
    """The arrays and the metadata of a checkpoint file.

    Raises:
        BrokenCheckpointError: it is not what was written under this name, or cannot be read.
    """
    match = _NAME.fullmatch(path.name)
    assert match, path
    try:
        found = _digest(path)
        if found != match[2]:
            raise BrokenCheckpointError(
                f"its {path.stat().st_size:,} bytes have the SHA-256 {found}…, expected {match[2]}…"
            )
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise BrokenCheckpointError(f"it cannot be read: {error}") from error


def keep_apart(path: pathlib.Path) -> pathlib.Path:
    """Keeps a checkpoint file as the best one, in the place of another; a kill loses neither."""
    best = path.with_name(path.name.replace(LAST, BEST, 1))
    temporary = path.with_name(_TEMPORARY)
    temporary.unlink(missing_ok=True)
    _link(path, temporary)
    os.replace(temporary, best)
    temporary.unlink(missing_ok=True)  # a rename of one link over another of its file does nothing
    sync(path.parent)
    for old in newest_first(path.parent, BEST):
        if old != best:
            old.unlink()
    return best


def _link(path: pathlib.Path, target: pathlib.Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a file system without links, as buckets are mounted
        shutil.copyfile(path, target)
        sync(target)


def remove_stale(folder: pathlib.Path) -> None:
    """Removes what a run that was killed has left half written: all hidden files."""
    for path in folder.glob(".*"):
        path.unlink(missing_ok=True)
