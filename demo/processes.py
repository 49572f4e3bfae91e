"""Child processes that never outlive us, however we end (but for kill -9)."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

GRACE_S = 10.0  # between the polite signal and the hard one


@contextlib.contextmanager
def child(command: str | Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """Starts a process in a group of its own; when the block ends, so does the whole group.

    Args:
        command: a shell command, or a program with its arguments.
        **options: of `subprocess.Popen`.
    """
    process = subprocess.Popen(
        command, shell=isinstance(command, str), start_new_session=True, **options
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen) -> None:
    for stop in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, stop)  # the group's id is that of its first process
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


def interrupt_on_termination() -> None:
    """Makes SIGTERM and SIGHUP end us like Ctrl-C does, with every `finally` run."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
