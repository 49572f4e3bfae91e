"""What a run leaves for people: history.jsonl, curves.png and TensorBoard events."""

import json
import pathlib
import time

from trainer.curves import draw_curves
from trainer.events import Events
from trainer.measures import Lines
from trainer.pace import Pace
from trainer.run_files import CURVES_FILE, HISTORY_FILE, write_whole


class History:
    """Writes the files; those of a run that goes on go back to its checkpoint.

    Args:
        run_dir: where the files are written.
        lines: of the epochs that the checkpoint knows.
        step: of the checkpoint, counted from the start of the run; 0 without one.
        total_steps: of the whole run.
    """

    def __init__(self, run_dir: pathlib.Path, lines: Lines, step: int, total_steps: int):
        self._run_dir = run_dir
        self._write_lines(lines)
        epoch_step = lines[-1]["step"] if lines else 0
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

    def add_epoch(self, lines: Lines) -> None:
        """Writes the last of the lines, the curves so far, and its events at its step."""
        self._write_lines(lines)
        draw_curves(lines, self._run_dir / CURVES_FILE)
        self._events.add_epoch(lines[-1])
        self._pace = Pace()

    def flush(self) -> None:
        """Brings the events of the steps to their files. Call it before each checkpoint."""
        self._events.flush()

    def _write_lines(self, lines: Lines) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        write_whole(self._run_dir / HISTORY_FILE, text)
