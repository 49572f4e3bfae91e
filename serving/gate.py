"""The gate of an export: conditions on its figures, such as "f1>=baseline-0.5" in percent.

Imports no TensorFlow.
"""

import dataclasses
import operator
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from preprocessing.errors import InputError

_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_NUMBER = r"\d+(?:\.\d+)?"
_CONDITION = re.compile(
    rf"\s*(?P<metric>\w+)\s*(?P<comparison>>=|<=|>|<)\s*"
    rf"(?:(?P<baseline>baseline)(?:\s*(?P<sign>[+-])\s*(?P<offset>{_NUMBER}))?|(?P<number>-?{_NUMBER}))\s*"
)
_LARGE_OFFSET = 0.5  # of a share: half of all there is
# Figures of questions are in percent, those of texts are shares.
EXAMPLES = '"f1>=baseline-0.5" (questions, percent) or "accuracy>=baseline-0.005" (texts, shares)'
GRAMMAR = (
    "METRIC>=VALUE, where VALUE is a number, `baseline`, `baseline-NUMBER` or `baseline+NUMBER`, "
    f"and <=, > and < go as well, such as {EXAMPLES}"
)


class GateFailed(Exception):  # noqa: N818 - no mistake of the user's, and none of ours
    """A version that is not good enough; the message is a table of its conditions."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """One `--require`."""

    text: str  # as given
    metric: str
    comparison: str  # a key of `_COMPARISONS`
    is_relative: bool  # to the baseline
    number: float  # the bound, or what is added to the baseline's figure


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came of a condition; figures are in the metric's own unit."""

    condition: str
    value: float
    needed: float | None  # None: there is no baseline yet, so that everything is good enough
    baseline: float | None
    passed: bool


def parse(text: str) -> Condition:
    """Reads a condition.

    Raises:
        InputError: it does not follow `GRAMMAR`.
    """
    match = _CONDITION.fullmatch(text)
    if not match:
        raise InputError(f"--require {text!r}: expected {GRAMMAR}.")
    number = float(match["number"] or match["offset"] or 0)
    if match["sign"] == "-":
        number = -number
    return Condition(text, match["metric"], match["comparison"], bool(match["baseline"]), number)


def check_metrics(conditions: Sequence[Condition], names: Collection[str]) -> None:
    """Raises InputError where a condition is on a metric that there will not be."""
    for condition in conditions:
        if condition.metric not in names:
            raise _unknown_metric(condition, names)


def check_offsets(conditions: Sequence[Condition], shares: Collection[str]) -> None:
    """Raises InputError where an offset is meant in percent, but the metric is a share.

    Args:
        conditions: all of them.
        shares: the names of metrics from 0 to 1.
    """
    for condition in conditions:
        offset = abs(condition.number)
        if condition.is_relative and condition.metric in shares and offset >= _LARGE_OFFSET:
            raise InputError(
                f"--require {condition.text!r}: {condition.metric} is a share from 0 to 1, so that "
                f"an offset of {offset:g} passes or fails nearly everything. Did you mean "
                f"{offset / 100:g}?"
            )


def judge(
    conditions: Sequence[Condition],
    metrics: Mapping[str, Any],
    baseline: Mapping[str, Any] | None,
) -> list[Verdict]:
    """Judges a version.

    Args:
        conditions: all of them.
        metrics: of the version.
        baseline: those of another version on the same input; None where there is no other.

    Raises:
        InputError: there is no such metric, or it is no number.
    """
    return [_verdict(condition, metrics, baseline) for condition in conditions]


def _verdict(
    condition: Condition, metrics: Mapping[str, Any], baseline: Mapping[str, Any] | None
) -> Verdict:
    value = _figure(condition, metrics)
    theirs = None if baseline is None else _figure(condition, baseline)
    if condition.is_relative:
        needed = None if theirs is None else theirs + condition.number
    else:
        needed = condition.number
    passed = needed is None or _COMPARISONS[condition.comparison](value, needed)
    return Verdict(condition.text, value, needed, theirs, passed)


def _figure(condition: Condition, metrics: Mapping[str, Any]) -> float:
    numbers = {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    if condition.metric not in numbers:
        raise _unknown_metric(condition, numbers)
    return numbers[condition.metric]


def _unknown_metric(condition: Condition, names: Collection[str]) -> InputError:
    return InputError(
        f"--require {condition.text!r}: no metric {condition.metric}, expected one of "
        f"{', '.join(sorted(names))}."
    )


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as lines of columns."""
    rows: list[tuple[str, ...]] = [("condition", "value", "needed", "baseline", "")]
    for verdict in verdicts:
        figures = (_text(number) for number in (verdict.value, verdict.needed, verdict.baseline))
        rows.append((verdict.condition, *figures, "passed" if verdict.passed else "FAILED"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _text(number: float | None) -> str:
    return "-" if number is None else f"{number:.6g}"
