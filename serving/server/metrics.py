"""Counters and histograms, and the page on which Prometheus reads them (API page, section 8).

Not `prometheus_client`: it ends every counter's name in `_total`, counts a value that equals a
limit into that limit's bucket, adds lines of help, and leaves out empty braces, so that dashboards
made for TF Serving would find other names and other numbers. What it offers besides is small.

A name is a path, as TensorFlow's own metrics have it: "/tensorflow/serving/request_count".
"""

import bisect
import itertools
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

# Labels hold what clients send, such as the names of models that are not there. What comes after
# so many sets of values goes to one of empty strings, so that no client can fill the memory.
MAX_LABEL_SETS = 10_000

Labels = tuple[str, ...]  # values, in the order of the metric's label names


class Metric(Protocol):
    """What the page needs of a metric."""

    path: str

    def lines(self) -> Iterator[str]:
        """Its type, and a line for each value."""


_registry: dict[str, Metric] = {}


class Counter:
    """Numbers that only grow, one for each set of label values."""

    def __init__(self, path: str, *label_names: str):
        self.path, self._label_names = path, label_names
        self._lock = threading.Lock()
        # One without labels counts from the start; another has no value until one is counted.
        self._values: dict[Labels, int] = {} if label_names else {(): 0}
        _registry[path] = self

    def increment(self, *labels: str, by: int = 1) -> None:
        """Adds to the number of these label values."""
        with self._lock:
            labels = _bounded(self._values, labels)
            self._values[labels] = self._values.get(labels, 0) + by

    def total(self) -> int:
        """The sum over all label values."""
        with self._lock:
            return sum(self._values.values())

    def lines(self) -> Iterator[str]:
        """See `Metric`."""
        yield f"# TYPE {_page_name(self.path)} counter"
        with self._lock:
            values = list(self._values.items())
        for labels, value in values:
            yield f"{_page_name(self.path)}{{{_pairs(self._label_names, labels)}}} {value}"


class Histogram:
    """How values are distributed, for each set of label values.

    Args:
        path: its name.
        limits: exclusive upper bounds of the buckets, ascending; one without a bound follows.
        label_names: names of its labels.
    """

    def __init__(self, path: str, limits: Sequence[float], *label_names: str):
        self.path, self._limits, self._label_names = path, limits, label_names
        self._lock = threading.Lock()
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}
        _registry[path] = self

    def add(self, value: float, *labels: str) -> None:
        """Counts a value."""
        bucket = bisect.bisect_right(self._limits, value)
        with self._lock:
            labels = _bounded(self._counts, labels)
            if labels not in self._counts:
                self._counts[labels] = [0] * (len(self._limits) + 1)
                self._sums[labels] = 0.0
            self._counts[labels][bucket] += 1
            self._sums[labels] += value

    def lines(self) -> Iterator[str]:
        """See `Metric`."""
        name = _page_name(self.path)
        yield f"# TYPE {name} histogram"
        with self._lock:
            found = [(labels, list(counts)) for labels, counts in self._counts.items()]
            sums = dict(self._sums)
        limits = [*(f"{limit:g}" for limit in self._limits), "+Inf"]
        for labels, counts in found:
            pairs = _pairs(self._label_names, labels)
            comma = "," if pairs else ""
            for limit, count in zip(limits, itertools.accumulate(counts), strict=True):
                yield f'{name}_bucket{{{pairs}{comma}le="{limit}"}} {count}'
            yield f"{name}_sum{{{pairs}}} {sums[labels]:.15g}"
            yield f"{name}_count{{{pairs}}} {sum(counts)}"


def page() -> str:
    """All metrics in Prometheus' text format, by name."""
    lines = [line for _, metric in sorted(_registry.items()) for line in metric.lines()]
    return "\n".join(lines) + "\n"


def counter_value(path: str) -> int:
    """What a counter such as "/tensorflow/serving/request_count" has counted so far.

    The sum over its labels; 0 for a name that is not a counter's, as TF Serving has it.
    """
    metric = _registry.get(path)
    return metric.total() if isinstance(metric, Counter) else 0


def exponential_limits(first: float, factor: float, count: int) -> list[float]:
    """`count` limits, each `factor` times the one before."""
    return [first * factor**power for power in range(count)]


def _bounded(known: Mapping[Labels, object], labels: Labels) -> Labels:
    if labels in known or len(known) < MAX_LABEL_SETS:
        return labels
    return ("",) * len(labels)


def _page_name(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", ":", path)


def _pairs(names: Sequence[str], values: Labels) -> str:
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)
    )


def _escaped(value: str) -> str:
    # A line break would end the line, and so spoil the page for every reader.
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
