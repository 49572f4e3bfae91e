"""One progress line with an ETA: redrawn on a terminal, a line every ten seconds in a log."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 10.0


class _RateColumn(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextlib.contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the number of finished items, out of `total` if it is known."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(description, total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield _LogProgress(description, total)


class _LogProgress:
    def __init__(self, description: str, total: int | None):
        self._description, self._total = description, total
        self._start = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last < LOG_INTERVAL_S or not done:
            return
        self._last = now
        rate = done / (now - self._start)
        if self._total is None:
            logger.info("%s %d, %.0f/s", self._description, done, rate)
        else:
            left = (self._total - done) / rate
            logger.info(
                "%s %d/%d, %.0f/s, eta %.0f s", self._description, done, self._total, rate, left
            )


@contextlib.contextmanager
def watch(description: str, count: Callable[[], tuple[int, int | None]]) -> Iterator[None]:
    """Shows work that goes on in other threads or processes, until the block ends.

    Args:
        description: what is done.
        count: gives (done, total); while the total is None, how many there are so far.
    """
    finished = threading.Event()

    def show(title: str, total: int | None) -> int | None:
        """Until the end, or until the total is another: gives that."""
        with progress(title, total) as update:
            while (now := count())[1] == total:
                update(now[0])
                if finished.wait(0.5):
                    break
        return now[1]

    def poll() -> None:
        total = show(f"{description}: found", None)
        while not finished.is_set():
            total = show(description, total)

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
