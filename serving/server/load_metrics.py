"""What is counted when a version is loaded and warmed up."""

import contextlib
import time
from collections.abc import Iterator

from serving.server import metric_table
from serving.server.status import Code, StatusError


@contextlib.contextmanager
def load_attempt(path: str) -> Iterator[None]:
    """Counts the load that the block is, and its time if it ends well."""
    started = time.monotonic()
    try:
        yield
    except BaseException:
        metric_table.LOAD_ATTEMPT_COUNT.increment(path, "fail")
        raise
    metric_table.LOAD_ATTEMPT_COUNT.increment(path, "success")
    metric_table.LOAD_LATENCY.increment(path, by=_microseconds(started))


def warmed_up(path: str, records: int, started: float, code: Code = Code.OK) -> None:
    """Counts a warm-up.

    Args:
        path: the version's folder.
        records: requests in its file; nothing is counted for a version without.
        started: in the time of `time.monotonic()`.
        code: how it ended.
    """
    if records or code != Code.OK:
        metric_table.WARMUP_LATENCY.add(_microseconds(started), path, code.name)
        metric_table.WARMUP_RECORDS.increment(path, code.name, by=records)


def code_of(error: BaseException) -> Code:
    """The status that a failure counts as."""
    return error.code if isinstance(error, StatusError) else Code.UNKNOWN


def _microseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1e6)
