"""What an evaluation finds, whatever kind of model it is of."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from serving.evaluation.intervals import Interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The figures of one model on one set of examples.

    Attributes:
        metrics: by name, for metrics.json.
        intervals: of some of them, at 95 %.
        slices: entries of `SliceColumns.summaries`.
        reliability: the bins of the diagram, as dictionaries.
        most_wrong: entries of `MostWrong`.
        extra: what else this kind of model has, such as a confusion matrix.
    """

    metrics: dict[str, float | int]
    intervals: Mapping[str, Interval]
    slices: list[dict[str, Any]]
    reliability: list[dict[str, Any]]
    most_wrong: list[dict[str, Any]]
    extra: dict[str, Any]

    def details(self) -> dict[str, Any]:
        """For details.json."""
        fields = dataclasses.asdict(self)
        del fields["metrics"], fields["extra"]
        return fields | self.extra


def with_interval(value: float, interval: Interval) -> dict[str, float]:
    """A figure of a slice."""
    return {"value": value, "low": interval[0], "high": interval[1]}
