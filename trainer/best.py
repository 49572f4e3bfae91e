"""Which epoch is the best one, and when there is nothing left to hope for.

Plain functions of the lines of history.jsonl, so that a resumed run decides as one that was not
stopped. Imports no TensorFlow.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Lines = Sequence[Mapping[str, Any]]

METRICS: Mapping[str, tuple[str, ...]] = {
    "imdb": (
        "validation_accuracy",
        "validation_macro_f1",
        "validation_loss",
        "train_accuracy",
        "train_loss",
    ),
    "squad": (
        "validation_f1",
        "validation_exact_match",
        "validation_best_f1",
        "validation_best_exact_match",
        "validation_loss",
        "train_loss",
    ),
}
OF_UNANSWERABLE = ("validation_best_f1", "validation_best_exact_match")  # SQuAD v2.0 alone


def default_metric(task: str, has_validation: bool) -> str:
    """The metric by which epochs are compared where `--best_metric` names none."""
    return METRICS[task][0] if has_validation else "train_loss"


def is_better(metric: str, new: float, old: float, min_delta: float = 0.0) -> bool:
    """Whether `new` improves on `old` by more than `min_delta`.

    Of losses the lower is the better, of all others the higher. NaN is worse than any number.
    """
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    gain = old - new if metric.endswith("_loss") else new - old
    return gain > min_delta


def best_epoch(lines: Lines, metric: str) -> int:
    """The number of the best epoch, 1 for the first; of equals the earliest; 0 without lines."""
    best = None
    for line in lines:
        if best is None or is_better(metric, line[metric], best[metric]):
            best = line
    return int(best["epoch"]) if best else 0


def line_of_weights(lines: Lines, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The line of the epoch whose weights a finished run ends with: the last one's, or the best's.

    Args:
        lines: all of the run, at least one.
        config: the content of its config.json.
    """
    if not (config["restore_best"] or config["early_stopping_patience"]):
        return lines[-1]
    has_validation = any(name.startswith("validation_") for name in lines[-1])
    metric = config["best_metric"] or default_metric(config["task"], has_validation)
    return lines[best_epoch(lines, metric) - 1]


def is_patience_over(lines: Lines, metric: str, patience: int, min_delta: float = 0.0) -> bool:
    """Whether the last `patience` epochs were all without an improvement.

    An improvement is one of more than `min_delta` over the last epoch that was one, so that many
    small steps add up; the first epoch is one.
    """
    reference, since = math.nan, 0
    for line in lines:
        since += 1
        if is_better(metric, line[metric], reference, min_delta):
            reference, since = line[metric], 0
    return since >= patience
