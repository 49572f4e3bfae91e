"""curves.png: the measures of a run over its epochs, of training and validation."""

import gc
import itertools
import math
import os
import pathlib

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainer.measures import SPLITS, Lines, split_measures

MOST_MARKED = 30  # epochs; with more, markers would hide the line
# Okabe and Ito's colours, which more eyes tell apart; line styles, which show in grey too.
_COLORS = {"train": "#0072b2", "validation": "#d55e00"}
_MARKERS = {"train": "o", "validation": "s"}
_STYLES = ("-", "--", ":", "-.")


def draw_curves(lines: Lines, path: pathlib.Path) -> None:
    """Writes the picture as a PNG, whole or not at all.

    Args:
        lines: of history.jsonl, at least one.
        path: of the picture.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    FigureCanvasAgg(curves_figure(lines)).print_png(temporary)
    os.replace(temporary, path)
    gc.collect()  # a figure is in cycles, and few objects hold its megabytes of pixels


def curves_figure(lines: Lines) -> Figure:
    """A figure with the loss, the accuracies, and what else the epochs measure."""
    panels = _panels(lines)
    figure = Figure(figsize=(5.2 * len(panels), 4.2), dpi=100, layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False)
    for axes, (title, names) in zip(grid[0], panels, strict=True):
        for name, style in zip(names, itertools.cycle(_STYLES), strict=False):
            _draw(axes, lines, name, style, alone=len(names) == 1)
        _finish(axes, title, len(lines))
    return figure


def _panels(lines: Lines) -> list[tuple[str, list[str]]]:
    """Title and measures of each panel, in the order of the lines' fields."""
    measures = {
        name: None for line in lines for split in SPLITS for name in split_measures(line, split)
    }
    panels: dict[str, list[str]] = {}
    for name in measures:
        if not name.startswith("best_"):  # figures with a threshold that was chosen afterwards
            panels.setdefault(_panel(name), []).append(name)
    return list(panels.items())


def _panel(name: str) -> str:
    if name in ("loss", "macro_f1"):
        return name.replace("_f1", " F1")
    return "accuracy" if name.endswith("accuracy") else "exact match and F1 (%)"


def _draw(axes: Axes, lines: Lines, name: str, style: str, alone: bool) -> None:
    epochs = [line["epoch"] for line in lines]
    for split in SPLITS:
        values = [split_measures(line, split).get(name, math.nan) for line in lines]
        if all(map(math.isnan, values)):
            continue
        axes.plot(
            epochs,
            values,
            style,
            color=_COLORS[split],
            marker=_MARKERS[split] if len(lines) <= MOST_MARKED else "",
            label=split if alone else f"{split}: {name.replace('_', ' ')}",
        )


def _finish(axes: Axes, title: str, epochs: int) -> None:
    axes.set(xlabel="epoch", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if epochs == 1:
        axes.set(xlim=(0, 2), xticks=[1])
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, handlelength=3.5)
