"""Rows of stdin as they come, however slowly."""

import contextlib
import dataclasses
import os
import pathlib
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.records import Rejected
from serving.batch.rows import Row

_NAME = "stdin"
_CHUNK_SIZE = 1 << 16  # bytes, what a pipe of Linux holds
_LONGEST_WAIT_S = 0.05  # of a row for others of its batch; people do not notice it


@contextlib.contextmanager
def stdin_as_file(extension: str) -> Iterator[str]:
    """A named pipe that gives what stdin gives, as readers go by a name.

    Raises:
        InputError, OSError: there is no stdin, or it cannot be read to its end.
    """
    if sys.stdin is None:
        raise InputError("--input -: stdin is closed, expected a file or a pipe.")
    errors: list[OSError] = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{_NAME}.{extension}"
        os.mkfifo(path)
        threading.Thread(target=_copy, args=(path, errors), daemon=True).start()
        yield str(path)
    if errors:
        raise errors[0]


def _copy(path: pathlib.Path, errors: list[OSError]) -> None:
    with contextlib.suppress(OSError), path.open("wb") as pipe:  # it may never be read
        while chunk := _read(errors):
            pipe.write(chunk)
            pipe.flush()


def _read(errors: list[OSError]) -> bytes:
    try:
        return os.read(sys.stdin.fileno(), _CHUNK_SIZE)
    except OSError as error:
        errors.append(error)
        return b""


def named(elements: Iterable[Row | Rejected], path: str) -> Iterator[Row | Rejected]:
    """The elements of the pipe `path`, with places as "stdin:4", in messages too."""
    try:
        for one in elements:
            source = _NAME + one.source.removeprefix(path)
            has_own_id = one.id != files.name_of(one.source)
            yield dataclasses.replace(one, source=source, id=one.id if has_own_id else source)
    except InputError as error:
        raise InputError(str(error).replace(path, _NAME)) from error


@dataclasses.dataclass(frozen=True)
class _End:
    error: BaseException | None


def batches_as_they_come(
    elements: Iterable[Row | Rejected], batch_size: int
) -> Iterator[list[Row | Rejected] | None]:
    """Batches of what is there; None, again and again, while nothing comes."""
    coming: queue.Queue[Row | Rejected | _End] = queue.Queue(maxsize=2 * batch_size)
    threading.Thread(target=_put_all, args=(elements, coming), daemon=True).start()
    while True:
        batch, end = _batch(coming, batch_size)
        if batch or not end:
            yield batch or None
        if end and end.error:
            raise end.error
        if end:
            return


def _batch(
    coming: "queue.Queue[Row | Rejected | _End]", batch_size: int
) -> tuple[list[Row | Rejected], _End | None]:
    batch: list[Row | Rejected] = []
    until = time.monotonic() + _LONGEST_WAIT_S
    while len(batch) < batch_size:
        try:
            one = coming.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if isinstance(one, _End):
            return batch, one
        batch.append(one)
    return batch, None


def _put_all(
    elements: Iterable[Row | Rejected], coming: "queue.Queue[Row | Rejected | _End]"
) -> None:
    error = None
    try:
        for one in elements:
            coming.put(one)
    except BaseException as raised:  # noqa: BLE001 - the other thread raises it
        error = raised
    coming.put(_End(error))
