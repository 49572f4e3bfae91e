"""What a run learns to tell apart, and how: labels, smoothing, class weights. No TensorFlow."""

import csv
import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from preprocessing.errors import InputError
from trainer.best import METRICS, OF_UNANSWERABLE, default_metric

if TYPE_CHECKING:
    from preprocessing.dataset_info import DatasetInfo
    from trainer.config import TrainConfig

BALANCED = "balanced"
TWO_LABELS = ("negative", "positive")  # of data sets that name none


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective:
    """What the loss is of.

    Attributes:
        task: "imdb" or "squad".
        label_smoothing: the share of the target that is spread evenly over all classes (Szegedy
            et al. 2016, section 7).
        class_weights: of each class in the loss, or () for 1 each.
    """

    task: str
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()


def check_fine_tuning(config: "TrainConfig") -> None:
    """Checks which options go together.

    Raises:
        InputError: naming the flag.
    """
    _check_task_options(
        config.task, config.label_smoothing, config.class_weights, config.best_metric
    )
    if config.freeze_encoder and config.trainable_layers is not None:
        raise InputError(
            f"--freeze_encoder is given with --trainable_layers {config.trainable_layers}; "
            "expected one of them."
        )
    if config.freeze_encoder and config.layer_decay != 1.0:
        raise InputError(
            f"--layer_decay is {config.layer_decay}, but --freeze_encoder trains no layer that it "
            "could slow down. Leave one of them out."
        )


def check_layer_decay(flag: str, value: float) -> None:
    """A number in (0, 1]."""
    if not 0.0 < value <= 1.0:
        raise InputError(
            f"--{flag} is {value}, expected a number in (0, 1], such as 0.9; 1 is the same rate "
            "for all layers."
        )


def _check_task_options(
    task: str, label_smoothing: float, class_weights: str | None, best_metric: str | None
) -> None:
    if task == "squad" and label_smoothing:
        raise InputError(
            f"--label_smoothing is {label_smoothing}, but --task is squad, which learns places "
            "in a text and no classes to spread the target over. Leave it out."
        )
    if task == "squad" and class_weights is not None:
        raise InputError(
            f"--class_weights is {class_weights!r}, but --task is squad, which has no classes. "
            "Leave it out."
        )
    if class_weights not in (None, BALANCED):
        _named_weights(class_weights)
    if best_metric is not None and best_metric not in METRICS[task]:
        raise InputError(
            f"--best_metric is {best_metric!r}, expected for --task {task} one of "
            f"{', '.join(METRICS[task])}."
        )


def class_weights(
    asked: str | None, labels: Sequence[str], counts: Sequence[int]
) -> tuple[float, ...]:
    """The weight of each class.

    Args:
        asked: the value of `--class_weights`: "balanced" for examples / (classes * examples of
            the class), as scikit-learn has it, so that the mean weight of the examples is 1;
            "name=weight,…", 1 for classes that are not named; or None.
        labels: the names of the classes.
        counts: the examples of each class in the training data.

    Raises:
        InputError: an unknown name, or a class without examples to balance.
    """
    if asked is None:
        return ()
    if asked == BALANCED:
        return _balanced_weights(labels, counts)
    named = _named_weights(asked)
    unknown = [name for name in named if name not in labels]
    if unknown:
        raise InputError(
            f"--class_weights names {unknown[0]!r}, expected a label of the data set: "
            f"{shown(labels)}."
        )
    return tuple(named.get(label, 1.0) for label in labels)


def _balanced_weights(labels: Sequence[str], counts: Sequence[int]) -> tuple[float, ...]:
    missing = [label for label, count in zip(labels, counts, strict=True) if count == 0]
    if missing:
        raise InputError(
            f"--class_weights is balanced, but the split 'train' has no example of "
            f"{shown(missing)}. Give weights by name, such as --class_weights {labels[0]}=2."
        )
    return tuple(sum(counts) / (len(counts) * count) for count in counts)


def _named_weights(asked: str) -> dict[str, float]:
    """The weights of "name=weight,…"; a name with a comma stands in quotes with its weight."""
    try:
        parts = next(csv.reader([asked]))
    except csv.Error:  # a line break outside of quotes
        parts = []
    if not parts:
        raise _no_weights(asked)
    weights = {}
    for part in parts:
        name, equals, number = part.rpartition("=")
        weight = _positive_number(number)
        if not equals or weight is None or name in weights:
            raise _no_weights(part)
        weights[name] = weight
    return weights


def _no_weights(found: str) -> InputError:
    return InputError(
        f"--class_weights has {found!r}, expected balanced, or name=weight for each label once, "
        "such as negative=1,positive=2.5, with weights above 0."
    )


def _positive_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0.0 < number < math.inf else None


def class_names(task: str, labels: Sequence[str], place: str) -> tuple[str, ...]:
    """The names of the classes that a data set's texts fall in; none for "squad".

    Args:
        task: "imdb" or "squad".
        labels: of its info.json.
        place: the data set, for the message.

    Raises:
        InputError: there is only one.
    """
    if task == "squad":
        return ()
    names = tuple(labels) or TWO_LABELS
    if len(names) < 2:
        raise InputError(
            f"{place}: all texts have the label {names[0]!r}, expected at least two labels to tell "
            "apart. Preprocess texts of several labels."
        )
    return names


def check_labels(task: str, found: Sequence[int], labels: Sequence[str], place: str) -> None:
    """Raises InputError where a record's label has no name.

    Args:
        task: "imdb" or "squad", which has no labels.
        found: the labels of the records.
        labels: the names of the classes.
        place: the data set and split, for the message.
    """
    if task == "imdb" and not 0 <= min(found) <= max(found) < len(labels):
        raise InputError(
            f"{place} has a record with label {max(found)}, expected 0 to {len(labels) - 1}, the "
            f"places in {shown(labels)}. Run the preprocessing again."
        )


def compared_metric(
    task: str, asked: str | None, stops_early: bool, has_validation: bool, has_unanswerable: bool
) -> str:
    """The metric by which the epochs of a run are compared.

    Args:
        task: "imdb" or "squad".
        asked: `--best_metric`.
        stops_early: whether `--early_stopping_patience` is given.
        has_validation: whether the data set has a split "validation".
        has_unanswerable: whether it has questions without answer.

    Raises:
        InputError: the data set does not give the metric.
    """
    metric = asked or default_metric(task, has_validation)
    if not has_validation and (metric.startswith("validation_") or (stops_early and not asked)):
        flag = f"--best_metric {asked}" if asked else "--early_stopping_patience"
        raise InputError(
            f"{flag} needs a validation split, and the data set has none. Preprocess with "
            "--validation_fraction or --validation_input, or give --best_metric train_loss."
        )
    if metric in OF_UNANSWERABLE and not has_unanswerable:
        raise InputError(
            f"--best_metric is {metric}, which only data with unanswerable questions (SQuAD v2.0) "
            f"gives. Take {default_metric(task, has_validation)}."
        )
    return metric


def metric_of(config: "TrainConfig", info: "DatasetInfo") -> str:
    """`compared_metric` of a run on a data set."""
    return compared_metric(
        config.task,
        config.best_metric,
        stops_early=config.early_stopping_patience is not None,
        has_validation="validation" in info.splits,
        has_unanswerable=info.has_unanswerable,
    )


def shown(names: Sequence[str], most: int = 10) -> str:
    """Names in a row, with the number of those that are left out."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
