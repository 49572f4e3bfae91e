"""trainer/fine_tuning.py."""

from typing import Any

import pytest

from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.fine_tuning import check_labels, class_names, class_weights, compared_metric

LABELS = ("red", "green", "blue, or so")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(None, (), id="none"),
        # sklearn.utils.class_weight: n / (k * count), 60 / (3 * 10) and so on
        pytest.param("balanced", (2.0, 1.0, 2 / 3), id="balanced"),
        pytest.param("green=3", (1.0, 3.0, 1.0), id="one-named"),
        pytest.param('red=0.5,"blue, or so=2e1"', (0.5, 1.0, 20.0), id="name-with-a-comma"),
    ],
)
def test_class_weights(asked, expected):
    assert class_weights(asked, LABELS, [10, 20, 30]) == pytest.approx(expected)


def test_balanced_weights_of_real_counts_have_the_mean_one():
    counts = [7, 19, 3]
    weights = class_weights("balanced", LABELS, counts)
    assert sum(w * n for w, n in zip(weights, counts, strict=True)) / 29 == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("pink=2", "--class_weights names 'pink', expected a label of the data set: red, green,"),
        ("balanced", "the split 'train' has no example of green. Give weights by name"),
    ],
)
def test_class_weights_that_the_data_does_not_have(asked, message):
    with pytest.raises(InputError, match=message):
        class_weights(asked, LABELS, [10, 0, 30])


FLAGS: dict[str, Any] = {"data_dir": "data", "output_dir": "run"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"task": "squad", "label_smoothing": 0.1},
            "--label_smoothing is 0.1, but --task is squad",
        ),
        ({"task": "squad", "class_weights": "balanced"}, "--class_weights is 'balanced', but"),
        ({"task": "imdb", "class_weights": "red"}, "--class_weights has 'red', expected balanced"),
        ({"task": "imdb", "class_weights": "red=0"}, "--class_weights has 'red=0'"),
        ({"task": "imdb", "class_weights": "red=nan"}, "--class_weights has 'red=nan'"),
        ({"task": "imdb", "class_weights": "red=1,red=2"}, "--class_weights has 'red=2'"),
        ({"task": "imdb", "class_weights": ""}, "--class_weights has '', expected balanced, or"),
        (
            {"task": "imdb", "class_weights": "red=5\ngreen=1"},
            r"--class_weights has 'red=5\\ngreen=1', expected balanced, or name=weight",
        ),
        ({"task": "imdb", "label_smoothing": 1.0}, "--label_smoothing is 1.0, expected a share"),
        ({"task": "imdb", "best_metric": "validation_f1"}, "--best_metric is 'validation_f1', exp"),
        ({"task": "imdb", "early_stopping_patience": 0}, "--early_stopping_patience is 0, expecte"),
        (
            {"task": "imdb", "layer_decay": 0.0},
            r"--layer_decay is 0.0, expected a number in \(0, 1",
        ),
        (
            {"task": "imdb", "layer_decay": 0.9, "freeze_encoder": True},
            "--layer_decay is 0.9, but --freeze_encoder trains no layer",
        ),
        (
            {"task": "imdb", "trainable_layers": 2, "freeze_encoder": True},
            "--freeze_encoder is given with --trainable_layers 2; expected one of them",
        ),
        ({"task": "imdb", "min_delta": -1.0}, r"--min_delta is -1.0, expected a number in \[0, in"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_options_that_cannot_be_right_name_the_flag(fields, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**FLAGS, **fields)


@pytest.mark.parametrize(
    ("asked", "stops_early", "has_validation", "expected"),
    [
        (None, True, True, "validation_f1"),
        (None, False, False, "train_loss"),
        ("train_loss", True, False, "train_loss"),
        ("validation_loss", False, True, "validation_loss"),
    ],
)
def test_compared_metric(asked, stops_early, has_validation, expected):
    assert compared_metric("squad", asked, stops_early, has_validation, False) == expected


@pytest.mark.parametrize(
    ("asked", "has_validation", "message"),
    [
        (None, False, "--early_stopping_patience needs a validation split, and the data set has"),
        ("validation_loss", False, "--best_metric validation_loss needs a validation split"),
        ("validation_best_f1", True, "--best_metric is validation_best_f1, which only data with"),
    ],
)
def test_metrics_that_the_data_does_not_give(asked, has_validation, message):
    with pytest.raises(InputError, match=message):
        compared_metric("squad", asked, True, has_validation, has_unanswerable=False)


def test_class_names():
    assert class_names("squad", [], "data") == ()
    assert class_names("imdb", [], "data") == ("negative", "positive")
    assert class_names("imdb", list(LABELS), "data") == LABELS
    with pytest.raises(InputError, match="data: all texts have the label 'red', expected at lea"):
        class_names("imdb", ["red"], "data")


def test_a_label_without_a_name():
    check_labels("imdb", [0, 2], LABELS, "data")
    with pytest.raises(InputError, match="data has a record with label 3, expected 0 to 2"):
        check_labels("imdb", [0, 3], LABELS, "data")
