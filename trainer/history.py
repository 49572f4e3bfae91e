"""What a run leaves for people: history.jsonl, curves.png and TensorBoard events."""

import json
import os
import pathlib
from typing import Any

import tensorflow as tf

from trainer.run_files import HISTORY_FILE

CURVES_FILE = "curves.png"
TENSORBOARD_DIR = "tensorboard"


class History:
    """The epochs of a run, kept in step with its files.

    Args:
        run_dir: where the files are written.
        epochs: how many epochs of what the folder holds are kept: those before the checkpoint.
    """

    def __init__(self, run_dir: pathlib.Path, epochs: int):
        self._run_dir = run_dir
        self.lines = read_lines(run_dir, epochs)
        self._events = tf.summary.create_file_writer(str(run_dir / TENSORBOARD_DIR))

    def add_epoch(self, line: dict[str, Any]) -> None:
        """Writes an epoch: its line, the curves so far, and its events at its step."""
        self.lines.append(line)
        write_history(self._run_dir, self.lines)
        draw_curves(self.lines, self._run_dir / CURVES_FILE)
        numbers = {
            f"epoch/{name}": value for name, value in line.items() if name not in ("epoch", "step")
        }
        self.add_scalars(line["step"], numbers)
        self._events.flush()

    def add_scalars(self, step: int, values: dict[str, float]) -> None:
        """Writes TensorBoard events."""
        with self._events.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)


def read_lines(run_dir: pathlib.Path, epochs: int) -> list[dict[str, Any]]:
    """The lines of a run's first so many epochs."""
    path = run_dir / HISTORY_FILE
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [line for line in lines if line["epoch"] <= epochs]


def draw_curves(lines: list[dict[str, Any]], path: pathlib.Path) -> None:
    """Draws loss and accuracy over the epochs, of training and validation, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [line["epoch"] for line in lines]
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for name in (name for name in lines[-1] if name.endswith(quantity)):
            style = "--" if name.startswith("validation") else "-"
            axes.plot(epochs, [line.get(name) for line in lines], style, marker="o", label=name)
        axes.set(xlabel="epoch", ylabel=quantity, xticks=epochs)
        axes.legend()
    temporary = path.with_name(f".{path.name}.tmp")
    FigureCanvasAgg(figure).print_png(temporary)
    os.replace(temporary, path)


def write_history(run_dir: pathlib.Path, lines: list[dict[str, Any]]) -> None:
    """Writes the lines as history.jsonl, in the place of what it holds."""
    path = run_dir / HISTORY_FILE
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.replace(temporary, path)
