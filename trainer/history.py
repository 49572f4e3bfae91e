"""What a run leaves for people: history.jsonl, curves.png and TensorBoard events."""

import json
import pathlib
import time
from typing import Any

from trainer.curves import draw_curves
from trainer.events import Events
from trainer.pace import Pace
from trainer.run_files import CURVES_FILE, HISTORY_FILE, write_whole


class History:
    """The epochs of a run, kept in step with its files.

    Args:
        run_dir: where the files are written.
        epochs: how many epochs of what the folder holds are kept: those before the checkpoint.
        step: of the checkpoint, counted from the start of the run; 0 without one.
        total_steps: of the whole run.
    """

    def __init__(self, run_dir: pathlib.Path, epochs: int, step: int, total_steps: int):
        self._run_dir = run_dir
        self.lines = read_lines(run_dir, epochs)
        epoch_step = self.lines[-1]["step"] if self.lines else 0
        self._events = Events(run_dir, total_steps, step, epoch_step)
        self._pace = Pace()

    def add_step(
        self, step: int, examples: int, tokens: int, loss: float, learning_rate: float
    ) -> None:
        """Writes events of a step of the run; arguments as in `report.StepReport.step`."""
        rates = self._pace.add(time.monotonic(), examples, tokens)
        if not self._events.is_point(step):
            return
        values = {"loss": loss, "learning_rate": learning_rate}
        if rates:
            values |= {"examples_per_second": rates.examples, "tokens_per_second": rates.tokens}
        self._events.add_step(step, values)
        self._pace.restart()

    def add_epoch(self, line: dict[str, Any]) -> None:
        """Writes an epoch: its line, the curves so far, and its events at its step."""
        self.lines.append(line)
        write_history(self._run_dir, self.lines)
        draw_curves(self.lines, self._run_dir / CURVES_FILE)
        self._events.add_epoch(line)
        self._pace = Pace()

    def flush(self) -> None:
        """Brings the events of the steps to their files. Call it before each checkpoint."""
        self._events.flush()


def read_lines(run_dir: pathlib.Path, epochs: int) -> list[dict[str, Any]]:
    """The lines of a run's first so many epochs."""
    path = run_dir / HISTORY_FILE
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [line for line in lines if line["epoch"] <= epochs]


def write_history(run_dir: pathlib.Path, lines: list[dict[str, Any]]) -> None:
    """Writes the lines as history.jsonl, in the place of what it holds."""
    write_whole(run_dir / HISTORY_FILE, "".join(json.dumps(line) + "\n" for line in lines))
