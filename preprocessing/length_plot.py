"""`lengths.png`: how long the records of each split are, and where the buckets lie."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator, NullFormatter

from preprocessing.dataset_info import DatasetInfo, SplitInfo
from preprocessing.errors import InputError
from preprocessing.lengths import BUCKETS
from preprocessing.statistics import LENGTH_BIN

# Okabe and Ito's colours, which more eyes tell apart, and markers, which show in grey too.
_STYLES: Mapping[str, Mapping[str, Any]] = {
    "train": {"color": "#0072b2", "marker": "o"},
    "validation": {"color": "#d55e00", "marker": "s"},
    "test": {"color": "#009e73", "marker": "^"},
}


def length_figure(info: DatasetInfo, splits: Mapping[str, SplitInfo]) -> Figure:
    """A line for each split: the share of its records in each bin of lengths.

    Args:
        info: the data set.
        splits: its splits, in the order of the legend.

    Returns:
        A figure of 1200x700 pixels.
    """
    figure = Figure(figsize=(12, 7), dpi=100, layout="constrained")
    axes = figure.subplots()
    for name, split in splits.items():
        _draw_split(axes, name, split)
    longest = max(int(end) for split in splits.values() for end in split.length_histogram)
    pairs = zip(BUCKETS, (0, *BUCKETS), strict=False)
    borders = [border for border, last in pairs if last < longest]
    _draw_borders(axes, borders)
    _scale(axes, max(longest, borders[-1]))
    figure.suptitle(f"{info.task}: lengths of the records (data set {info.digest[:8]})", size=15)
    figure.legend(loc="outside lower center", fontsize=12, frameon=False)
    return figure


def _draw_split(axes: Axes, name: str, split: SplitInfo) -> None:
    ends = np.arange(LENGTH_BIN, max(map(int, split.length_histogram)) + 1, LENGTH_BIN)
    records = np.array([split.length_histogram.get(str(end), 0) for end in ends], float)
    records[records == 0] = np.nan  # a gap: a logarithmic axis has no 0
    label = f"{name}: {split.records:,} records, mean {split.tokens / split.records:.0f} tokens"
    middles, shares = ends - LENGTH_BIN / 2, 100 * records / split.records
    axes.plot(middles, shares, label=label, linewidth=2, **_STYLES[name])


def _draw_borders(axes: Axes, borders: list[int]) -> None:
    for border in borders:
        axes.axvline(border, color="0.5", linestyle="--", linewidth=1, zorder=0)
    top = axes.secondary_xaxis("top")
    top.set_xticks(borders)
    top.tick_params(labelsize=11)
    top.set_xlabel("bucket borders (tokens): lengths that XLA compiles for", size=11)


def _scale(axes: Axes, end: int) -> None:
    axes.set(xlim=(0, end), yscale="log")
    axes.set_xlabel("length of a record (tokens)", size=12)
    axes.set_ylabel(f"records per {LENGTH_BIN} tokens (% of the split, logarithmic)", size=12)
    axes.xaxis.set_major_locator(MultipleLocator(2 * LENGTH_BIN * max(1, end // 1024)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda percent, _: f"{percent:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=11)
    axes.grid(axis="y", alpha=0.25)


def write_plot(figure: Figure, path: pathlib.Path) -> None:
    """Writes a PNG, whole or not at all.

    Raises:
        InputError: it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        FigureCanvasAgg(figure).print_png(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"--plot {path}: cannot be written ({error.strerror}). Name another file, or say "
            "--no_plot."
        ) from error
