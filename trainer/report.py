"""What a person sees of an epoch under way: a live line in a terminal, log lines elsewhere."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

LOG_EVERY_S = 10.0


class StepReport:
    """Reports the steps of an epoch on stderr. Use it as a context manager.

    Args:
        title: such as "epoch 1/3".
        steps: of the whole epoch.
        first: steps that were done before, by a run that stopped.
        enabled: False on all workers but the chief.
    """

    def __init__(self, title: str, steps: int, first: int, enabled: bool = True):
        self._title, self._steps, self._enabled = title, steps, enabled
        self._examples, self._first, self._started = 0, first, time.monotonic()
        self._logged = self._started
        live = enabled and sys.stderr.isatty()
        self._progress = _live_line() if live else None
        if self._progress:
            self._task = self._progress.add_task(title, total=steps, completed=first, detail="")

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.stop()

    def step(self, step: int, examples: int, loss: float | None = None) -> None:
        """Reports that step 1, 2, … of the epoch is done, with its examples and its mean loss."""
        self._examples += examples
        now = time.monotonic()
        speed = self._examples / max(now - self._started, 1e-9)
        detail = f"{speed:.1f} examples/s"
        if loss is not None:
            detail = f"loss {loss:.4f}  {detail}"
        if self._progress:
            self._progress.update(self._task, completed=step, detail=detail)
        elif self._enabled and now - self._logged >= LOG_EVERY_S:
            self._logged = now
            left = (self._steps - step) * (now - self._started) / (step - self._first)
            logger.info(
                "%s  step %d/%d  %s  %s left", self._title, step, self._steps, detail, clock(left)
            )


def clock(seconds: float) -> str:
    """Seconds as "1:02:03" or "2:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _live_line() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("step {task.completed}/{task.total}"),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
