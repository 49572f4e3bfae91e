"""Latency over load, as a picture."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from serving.load_test.plan import OPEN

_LINES = ("p50", "p90", "p99", "max")


def draw(levels: Sequence[Mapping[str, Any]], title: str, path: pathlib.Path) -> None:
    """Writes a PNG: percentiles of the latency over the load, and the throughput below them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    is_open = levels[0]["loop"] == OPEN
    loads = [level["rate" if is_open else "clients"] for level in levels]
    figure = Figure(figsize=(8, 7), layout="constrained")
    latency, throughput = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for name in _LINES:
        latency.plot(loads, [level["latency_ms"].get(name) for level in levels], "o-", label=name)
    latency.set(title=title, ylabel="latency, ms", yscale="log")
    latency.legend()
    throughput.plot(loads, [level["requests_per_s"] for level in levels], "o-", label="answered")
    failed = [sum(level["errors"].values()) / max(1, level["requests"]) for level in levels]
    for load, level, share in zip(loads, levels, failed, strict=True):
        note = f"{share:.1%} errors" if share else ""
        if level["sender"]["limit"]:
            note = f"{note} (sender at its limit)".strip()
        throughput.annotate(note, (load, level["requests_per_s"]), rotation=20, fontsize=8)
    if is_open:
        throughput.plot(loads, loads, ":", color="grey", label="sent")
    throughput.set(xlabel="requests/s sent" if is_open else "clients", ylabel="requests/s")
    throughput.set_ylim(bottom=0)
    throughput.legend()
    for axes in (latency, throughput):
        axes.grid(alpha=0.3)
    FigureCanvasAgg(figure).print_png(str(path))
