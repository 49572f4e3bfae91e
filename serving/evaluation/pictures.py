"""The pictures of a report."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from preprocessing.dataset_report import printable

# Okabe and Ito's colours, which more eyes tell apart.
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#999999"
MOST_SLICES = 20  # of one dimension; more names would run into each other
_MOST_CHARACTERS = 24
_WIDTH, _DPI = 5.8, 150  # inches: on a phone, where it is as wide as the page, it can be read


def reliability_figure(bins: Sequence[Mapping[str, Any]], right: str) -> Figure:
    """The share that is right over the probability, and how many answers have it.

    Args:
        bins: as `reliability` gives them, as dictionaries.
        right: what "right" means, for the axis.
    """
    figure = Figure(figsize=(_WIDTH, 6.2), dpi=_DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    filled = [one for one in bins if one["count"]]
    width = bins[0]["upper"] - bins[0]["lower"]
    middles = [(one["lower"] + one["upper"]) / 2 for one in filled]
    accuracies = [one["accuracy"] for one in filled]
    upper.plot([0, 1], [0, 1], "--", color="#333333", zorder=3, label="perfectly calibrated")
    upper.bar(middles, accuracies, width * 0.92, color=_BLUE, alpha=0.75, label=right)
    confidences = [one["confidence"] for one in filled]
    upper.plot(confidences, accuracies, "o", color=_ORANGE, label="at the mean probability")
    upper.set(ylim=(0, 1), xlim=(0, 1), ylabel=right)
    figure.legend(loc="outside upper left", ncols=2)  # not over the bars
    lower.bar(middles, [one["count"] for one in filled], width * 0.92, color=_GREY)
    lower.set(xlabel="probability of the answer that was given", ylabel="answers")
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
    return figure


def slices_figure(slices: Sequence[Mapping[str, Any]], figure_name: str, title: str) -> Figure:
    """One panel for each dimension: the slices' figures with their intervals."""
    dimensions: dict[str, list[Mapping[str, Any]]] = {}
    for one in slices:
        dimensions.setdefault(one["slice"], []).append(one)
    shown = {name: parts[:MOST_SLICES] for name, parts in dimensions.items()}
    heights = [0.9 + 0.32 * len(parts) for parts in shown.values()]
    figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4), dpi=_DPI, layout="constrained")
    grid = figure.subplots(len(shown), 1, height_ratios=heights, squeeze=False, sharex=True)
    for axes, (dimension, parts) in zip(grid[:, 0], shown.items(), strict=True):
        _draw_slices(axes, dimension, parts, figure_name)
    grid[-1, 0].set(xlabel=f"{title}, with its 95 % interval")
    return figure


def _draw_slices(
    axes: Axes, dimension: str, parts: Sequence[Mapping[str, Any]], figure_name: str
) -> None:
    values = np.array([one[figure_name]["value"] for one in parts])
    low = np.array([one[figure_name]["low"] for one in parts])
    high = np.array([one[figure_name]["high"] for one in parts])
    places = np.arange(len(parts))
    error = np.maximum(0, [values - low, high - values])
    axes.errorbar(values, places, xerr=error, fmt="o", color=_BLUE, capsize=3)
    names = [f"{_label(one['name'])} ({one['count']:,})" for one in parts]
    axes.set_yticks(places, names)
    axes.set(ylim=(len(parts) - 0.5, -0.5))
    axes.set_title(dimension, loc="left", fontsize=11)
    axes.grid(alpha=0.25)


def _label(text: str) -> str:
    """As it is: matplotlib takes what stands between two dollars for a formula."""
    text = printable(text)
    text = text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
    return text.replace("$", r"\$")


def png_of(figure: Figure) -> bytes:
    """The picture."""
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content)
    return content.getvalue()
