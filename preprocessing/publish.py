"""The folder that a data set is published to: one job at a time, and a whole set at any moment.

Every file of a data set but `info.json` is named by its content. A new set's files are moved in
beside an older one's, and the replacement of `info.json`, which names them, is the one step that
turns the old set into the new; then what it no longer names is deleted.
"""

import contextlib
import errno
import json
import os
import re
import socket
import uuid
from collections.abc import Iterator
from typing import Protocol

from preprocessing import files, storage
from preprocessing.dataset_info import INFO_FILE
from preprocessing.errors import InputError
from preprocessing.file_lock import open_locked

# Names as a job gives them; before they had their content's hash in them, shards had none.
_DATA_FILE = re.compile(
    r"\w+-\d{5}-of-\d{5}(-[0-9a-f]{8})?\.tfrecord|rejected-\w+-[0-9a-f]{8}\.jsonl"
    r"|predictions-\d{5}-of-\d{5}-[0-9a-f]{8}\.jsonl|vocab-[0-9a-f]{8}\.txt"
)
_LOCK_FILE = "job-lock"


class Info(Protocol):
    """What `info.json` is to hold, of a data set or of whatever else a job has made."""

    def files(self) -> list[str]:
        """The names of all files but `info.json`."""

    def to_json(self) -> str:
        """The content of `info.json`."""


@contextlib.contextmanager
def work_folder(output_dir: str) -> Iterator[str]:
    """A new folder for a job that will publish to `output_dir`, deleted at the end.

    Beside `output_dir`, so that files move from one to the other in one step. What a killed job
    left there is deleted first.

    Raises:
        InputError: another job is about to publish to the same place, or it cannot be a folder.
    """
    base = _base(output_dir)
    lock = _local_lock(output_dir, base) if storage.is_local(base) else _remote_lock(base)
    with lock:
        work = storage.join(base, uuid.uuid4().hex)
        storage.make_folder(work)
        try:
            yield work
        finally:
            storage.delete_folder(work)


def check_free(output_dir: str) -> None:
    """Fails where `work_folder` would, for a job that has much to do before it gets there.

    Raises:
        InputError: another job is writing to the same place on this machine's file systems.
    """
    base = _base(output_dir)
    if storage.is_local(base) and os.path.exists(os.path.join(base, _LOCK_FILE)):
        with work_folder(output_dir):
            pass


def _base(output_dir: str) -> str:
    """Where jobs for a folder work: one place, by whatever name they call the folder.

    Absolute, for workers that run elsewhere.
    """
    is_local = storage.is_local(output_dir)
    folder = os.path.realpath(output_dir) if is_local else output_dir.rstrip("/")
    parent, _, name = folder.rpartition("/")
    # From beside a mounted folder or a bucket nothing can be moved into it.
    if os.path.ismount(folder) if is_local else parent.endswith(":/"):
        return f"{folder}/.unfinished"
    return f"{parent}/.{name}.unfinished"


@contextlib.contextmanager
def _local_lock(output_dir: str, base: str) -> Iterator[None]:
    """See `open_locked`."""
    lock = os.path.join(base, _LOCK_FILE)
    try:
        if os.path.exists(output_dir):
            os.listdir(output_dir)  # fails for a file
        os.makedirs(os.path.dirname(base), exist_ok=True)
        descriptor = open_locked(lock)
    except BlockingIOError:
        raise InputError(
            f"--output_dir {output_dir}: another job is writing to it. Wait for that one, or name "
            "another folder."
        ) from None
    except OSError as error:
        is_file = isinstance(error, FileExistsError)
        reason = os.strerror(errno.ENOTDIR) if is_file else error.strerror
        raise InputError(f"--output_dir {output_dir}: cannot write there ({reason}).") from error
    try:
        for name in os.listdir(base):
            storage.delete_folder(os.path.join(base, name))  # of killed jobs; leaves the lock
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lock)
        os.close(descriptor)
        with contextlib.suppress(OSError):  # the next job is there already
            os.rmdir(base)


@contextlib.contextmanager
def _remote_lock(base: str) -> Iterator[None]:
    """A file that names the job. Not quite exclusive, as such file systems have no such thing."""
    path = storage.join(base, _LOCK_FILE)
    if _LOCK_FILE in storage.list_names(base):
        with files.open_file(path) as file:
            owner = file.read().decode()
        raise InputError(
            f"{path}: the job {owner} is writing there. Wait for it, or delete the folder {base} "
            "if that job is dead."
        )
    with storage.create(path) as file:
        file.write(json.dumps({"host": socket.gethostname(), "process": os.getpid()}).encode())
    try:
        yield
    finally:
        storage.delete_folder(base)


def publish(info: Info, work: str, output_dir: str) -> None:
    """Moves the files that `info` names from `work` to `output_dir` and makes them the data set."""
    storage.make_folder(output_dir)
    for name in info.files():
        storage.move(storage.join(work, name), storage.join(output_dir, name))
    with storage.create(storage.join(work, INFO_FILE)) as file:
        file.write(info.to_json().encode())
    storage.move(storage.join(work, INFO_FILE), storage.join(output_dir, INFO_FILE))
    storage.delete(
        [
            storage.join(output_dir, name)
            for name in storage.list_names(output_dir)
            if name not in info.files() and _DATA_FILE.fullmatch(name)
        ]
    )
