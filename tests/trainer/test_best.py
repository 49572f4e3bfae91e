"""trainer/best.py."""

import math
import pathlib
import re

import pytest

from trainer.best import (
    METRICS,
    best_epoch,
    default_metric,
    is_better,
    is_patience_over,
    line_of_weights,
)

NAN = math.nan


def lines(*values, metric="validation_accuracy"):
    return [{"epoch": number, metric: value} for number, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("metric", "new", "old", "min_delta", "expected"),
    [
        pytest.param("validation_f1", 2.0, 1.0, 0.0, True, id="higher-f1"),
        pytest.param("validation_f1", 1.0, 1.0, 0.0, False, id="equal"),
        pytest.param("validation_loss", 1.0, 2.0, 0.0, True, id="lower-loss"),
        pytest.param("validation_loss", 2.0, 1.0, 0.0, False, id="higher-loss"),
        pytest.param("validation_loss", 1.5, 2.0, 0.5, False, id="by-min-delta-exactly"),
        pytest.param("validation_accuracy", NAN, 0.1, 0.0, False, id="new-nan"),
        pytest.param("validation_accuracy", 0.1, NAN, 0.5, True, id="old-nan"),
    ],
)
def test_is_better(metric, new, old, min_delta, expected):
    assert is_better(metric, new, old, min_delta) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], 0), ([0.5], 1), ([0.5, 0.7, 0.7, 0.6], 2), ([NAN, 0.1, NAN], 2), ([NAN], 1)],
)
def test_best_epoch_is_the_earliest_of_equals(values, expected):
    assert best_epoch(lines(*values), "validation_accuracy") == expected


def test_the_best_loss_is_the_lowest():
    assert best_epoch(lines(0.5, 0.2, 0.3, metric="train_loss"), "train_loss") == 2


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "expected"),
    [
        pytest.param([], 1, 0.0, False, id="nothing-done"),
        pytest.param([0.5], 1, 0.0, False, id="first-epoch-improves"),
        pytest.param([0.5, 0.5], 1, 0.0, True, id="equal-is-no-improvement"),
        pytest.param([0.5, 0.4, 0.6, 0.5], 2, 0.0, False, id="count-starts-anew"),
        pytest.param([0.5, 0.4, 0.6, 0.5, 0.6], 2, 0.0, True, id="two-in-a-row"),
        pytest.param([0.50, 0.53, 0.56], 2, 0.05, False, id="small-steps-add-up"),
        pytest.param([0.50, 0.53, 0.55], 2, 0.06, True, id="too-small-steps"),
        pytest.param([NAN, NAN], 2, 0.0, True, id="never-a-number"),
    ],
)
def test_patience(values, patience, min_delta, expected):
    assert is_patience_over(lines(*values), "validation_accuracy", patience, min_delta) is expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, 3, id="last"),
        pytest.param({"restore_best": True}, 2, id="best"),
        pytest.param({"early_stopping_patience": 1}, 2, id="stopped-early"),
        pytest.param({"restore_best": True, "best_metric": "train_loss"}, 1, id="by-train-loss"),
    ],
)
def test_line_of_the_weights(options, expected):
    config = {"task": "imdb", "restore_best": False, "early_stopping_patience": None}
    config |= {"best_metric": None} | options
    written = [line | {"train_loss": 0.1 * line["epoch"]} for line in lines(0.5, 0.7, 0.6)]
    assert line_of_weights(written, config)["epoch"] == expected


@pytest.mark.parametrize(
    ("task", "has_validation", "expected"),
    [
        ("imdb", True, "validation_accuracy"),
        ("squad", True, "validation_f1"),
        ("squad", False, "train_loss"),
    ],
)
def test_default_metric(task, has_validation, expected):
    assert default_metric(task, has_validation) == expected


def test_every_metric_is_documented():
    page = pathlib.Path(__file__).parents[2] / "docs" / "fine-tuning.md"
    (row,) = re.findall(r"^\| `--best_metric .*", page.read_text(encoding="utf-8"), re.MULTILINE)
    for_imdb, for_squad = row.split("For imdb")[1].split("for squad")
    named = {"imdb": for_imdb, "squad": for_squad.partition(". ")[0]}
    assert {task: tuple(re.findall(r"`(\w+)`", text)) for task, text in named.items()} == METRICS
