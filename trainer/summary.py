"""What a finished run has come to: a table for a terminal, and the command that comes next."""

import pathlib
import shlex

from rich.console import Console
from rich.table import Table
from rich.text import Text

from preprocessing.dataset_report import printable
from trainer.measures import Lines, epoch_measures
from trainer.model_card import (
    TrainedModel,
    duration,
    export_command,
    peak_memory,
)
from trainer.run_files import CURVES_FILE, HISTORY_FILE, MODEL_CARD_FILE, TENSORBOARD_DIR

MOST_ROWS = 20  # of epochs, the last ones
FILE_COLUMNS = 140  # where there is no terminal to be as wide as


def summary_console() -> Console:
    """Of stdout, wide enough for the table where that is a file."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_COLUMNS)


def print_summary(console: Console, run_dir: pathlib.Path, model: TrainedModel) -> None:
    """Prints the epochs, the best one marked; where everything is, and the next command."""
    files = (MODEL_CARD_FILE, CURVES_FILE, HISTORY_FILE, f"{TENSORBOARD_DIR}/")
    facts = {
        "took": f"{duration(model.lines)}, at most {peak_memory(model.lines)} of memory",
        "run": f"{run_dir}: {', '.join(files)}",
        "next": shlex.join(export_command(run_dir, model.config.task)),
    }
    console.print(_epochs(model.lines, model.best_epoch))
    for name, value in facts.items():
        text = Text.assemble((f"{name:<6}", "bold"), printable(value))
        console.print(text, soft_wrap=True)


def _epochs(lines: Lines, best_epoch: int) -> Table:
    names = list(epoch_measures(lines[-1]))
    headers = ("epoch", *(name.replace("_", " ") for name in names), "seconds", "examples/s")
    caption = f"* the best one: {best_epoch}" if len(lines) > 1 else None
    table = Table(caption=caption, caption_justify="left")
    for header in headers:
        table.add_column(header, justify="right")
    for line in lines[-MOST_ROWS:]:
        mark = "*" if line["epoch"] == best_epoch and len(lines) > 1 else ""
        values = (f"{line[name]:.4f}" for name in names)
        rest = (f"{line['seconds']:.1f}", f"{line['examples_per_second']:.1f}")
        table.add_row(f"{mark}{line['epoch']}", *values, *rest)
    return table
