"""One progress line with an ETA: redrawn on a terminal, a line every ten seconds in a log."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 10.0


@contextlib.contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the number of finished items, out of `total`."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(description, total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield _LogProgress(description, total)


class _LogProgress:
    def __init__(self, description: str, total: int):
        self._description, self._total = description, total
        self._start = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last < LOG_INTERVAL_S or not done:
            return
        self._last = now
        eta_s = (now - self._start) / done * (self._total - done)
        logger.info("%s %d/%d, eta %.0f s", self._description, done, self._total, eta_s)


@contextlib.contextmanager
def watch(description: str, count: Callable[[], tuple[int, int]]) -> Iterator[None]:
    """Shows work that goes on in other threads, until the block ends.

    Args:
        description: what is counted.
        count: gives (done, total); the line appears once the total is known.
    """
    finished = threading.Event()

    def poll() -> None:
        while not count()[1]:
            if finished.wait(0.5):
                return
        with progress(description, count()[1]) as update:
            while not finished.wait(0.5):
                update(count()[0])

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
