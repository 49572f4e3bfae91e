"""The steps of a command, told as they are taken; a dry run only tells them.

A step first looks for what it is to make. So a command that was ended anywhere is simply given
again: what is there already is kept, and the rest is made.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from rich.console import Console

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step(Generic[T]):
    """Something that is to be there in the end."""

    title: str  # what, such as "bucket gs://my-models"
    find: Callable[[], T | None]  # what is there; changes nothing
    make: Callable[[Callable[[str], None]], T]  # is given a function that tells how far it is
    would: str  # what `make` does, for a dry run: "created in us-central1"
    costs: str = ""  # what money is charged for from then on
    already: str = "is there"  # what is said of what `find` finds


class Steps:
    """Tells and takes steps, one after the other."""

    def __init__(self, total: int, dry_run: bool = False, console: Console | None = None):
        """Args:
        total: the number of steps.
        dry_run: look and tell, and make nothing.
        console: where it is told; standard error without it.
        """
        self._console = console or Console(stderr=True, highlight=False, markup=False)
        self._total, self._dry_run = total, dry_run
        self._taken = 0

    def take(self, step: Step[T]) -> T | None:
        """Gives what was there or was made; in a dry run None if it would have to be made."""
        self._taken += 1
        found = step.find()
        if found is not None:
            self._tell(step.title, step.already)
            return found
        if self._dry_run:
            costs = f"; costs: {step.costs}" if step.costs else "; free of charge"
            self._tell(step.title, f"would be {step.would}{costs}")
            return None
        start = time.monotonic()
        made = self._make(step)
        self._tell(step.title, f"{step.would}, {time.monotonic() - start:.0f} s")
        return made

    def _make(self, step: Step[T]) -> T:
        if not self._console.is_terminal:
            self._tell(step.title, "to be " + step.would)
            return step.make(lambda text: self._tell(step.title, text))
        with self._console.status(self._line(step.title, "…")) as status:
            return step.make(lambda text: status.update(self._line(step.title, text)))

    def _tell(self, title: str, text: str) -> None:
        self._console.print(self._line(title, text), soft_wrap=True)

    def _line(self, title: str, text: str) -> str:
        return f"[{self._taken}/{self._total}] {title}: {text}"
