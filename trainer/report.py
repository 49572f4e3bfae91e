"""What a person sees of an epoch under way: a live line in a terminal, log lines elsewhere."""

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from trainer.measures import epoch_measures
from trainer.pace import Pace, Rates

logger = logging.getLogger(__name__)

LOG_EVERY_S = 10.0
BAR_FROM_COLUMNS = 120  # in a narrower terminal the text takes the whole line


class StepReport:
    """Reports the steps of an epoch, or of an evaluation, on stderr. A context manager.

    Args:
        title: such as "epoch 1/3".
        steps: of the whole epoch.
        later: steps of the epochs after it.
        enabled: False on all workers but the chief.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        title: str,
        steps: int,
        later: int = 0,
        enabled: bool = True,
        now: Callable[[], float] = time.monotonic,
    ):
        self._title, self._steps, self._later = title, steps, later
        self._enabled, self._now, self._pace = enabled, now, Pace()
        self._logged = now()
        self._live = _live_line() if enabled and sys.stderr.isatty() else None
        if self._live:
            self._task = self._live.add_task(title, total=steps)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def step(
        self,
        step: int,
        examples: int,
        tokens: int,
        loss: float | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Reports that a step is done.

        Args:
            step: its number in the epoch, from 1.
            examples: of the step.
            tokens: of the step, without padding.
            loss: the mean over the examples.
            learning_rate: with which the weights were updated.
        """
        now = self._now()
        rates = self._pace.add(now, examples, tokens)
        if not (self._live or (self._enabled and now - self._logged >= LOG_EVERY_S)):
            return
        parts = [f"{self._title}  {step}/{self._steps}", *_values(loss, learning_rate)]
        text = "  ".join([*parts, *self._rates(step, rates)])
        if self._live:
            self._live.update(self._task, completed=step, description=text)
        else:
            self._logged = now
            logger.info(text)

    def _rates(self, step: int, rates: Rates | None) -> list[str]:
        if rates is None:
            return []
        left = (self._steps - step) / rates.steps
        eta = f"eta {clock(left)}"
        if self._later:
            eta += f" (run {clock(left + self._later / rates.steps)})"
        return [f"{rates.examples:,.1f} ex/s", f"{rates.tokens:,.0f} tok/s", eta]


def epoch_text(line: dict[str, Any], epochs: int) -> str:
    """One line for an epoch's line of history.jsonl."""
    measures = [f"{name} {value:.4f}" for name, value in epoch_measures(line).items()]
    return (
        f"epoch {line['epoch']}/{epochs}  {'  '.join(measures)}  {line['seconds']:.1f} s  "
        f"{line['examples_per_second']:.1f} examples/s  padding {line['padding_share']:.1%}"
    )


def clock(seconds: float) -> str:
    """Seconds as "1:02:03" or "2:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _values(loss: float | None, learning_rate: float | None) -> list[str]:
    loss_text = [] if loss is None else [f"loss {loss:.4f}"]
    return loss_text + ([] if learning_rate is None else [f"lr {learning_rate:.2e}"])


def _live_line() -> Progress:
    console = Console(stderr=True)
    bar = [BarColumn(bar_width=20)] if console.width >= BAR_FROM_COLUMNS else []
    text = TextColumn("{task.description}", markup=False)
    return Progress(*bar, text, console=console, transient=True)
