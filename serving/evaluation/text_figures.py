"""The figures of a classifier, of two labels or more."""

import dataclasses
import functools

import numpy as np

from serving.evaluation.calibration import calibration_error_of
from serving.evaluation.measures import (
    Measure,
    average_precision_of,
    macro_of,
    mean_of,
    ratio_of,
    roc_auc_of,
)

LEAST_PROBABILITY = 1e-7  # a float32 sigmoid can be exactly 0, whose logarithm is not finite
# A resample repeats examples, which widens the gaps of the bins: a bootstrap would be biased.
WITHOUT_INTERVAL = ("calibration_error",)


@dataclasses.dataclass(frozen=True)
class TextScores:
    """What a classifier said of some texts.

    Attributes:
        label: int64[texts], the right one.
        probabilities: float64[texts, labels].
    """

    label: np.ndarray
    probabilities: np.ndarray

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """int64[texts]: of two labels the positive one from 0.5 on, else the likeliest."""
        if self.probabilities.shape[1] == 2:
            return (self.probabilities[:, 1] >= 0.5).astype(np.int64)
        return self.probabilities.argmax(axis=1)

    @functools.cached_property
    def right(self) -> np.ndarray:
        """bool[texts]."""
        return self.predicted == self.label

    @functools.cached_property
    def confidence(self) -> np.ndarray:
        """float64[texts]: the probability of the label that was predicted."""
        return _at(self.probabilities, self.predicted)


def text_measures(scores: TextScores) -> dict[str, Measure]:
    """By name; the loss is in nats, everything else a share.

    `brier` is the squared error of the positive label's probability where there are two, else
    summed over the labels (Brier 1950). Precision and recall are 0 where nothing was found or
    nothing is to be found. The ROC curve needs both of two labels.
    """
    loss = -np.log(np.maximum(_at(scores.probabilities, scores.label), LEAST_PROBABILITY))
    measures = {"accuracy": mean_of(scores.right), "loss": mean_of(loss)}
    is_binary = scores.probabilities.shape[1] == 2
    measures |= _of_two(scores) if is_binary else _of_many(scores)
    measures["brier"] = mean_of(_squared_error(scores))
    measures["calibration_error"] = calibration_error_of(scores.confidence, scores.right)
    return measures


def confusion_matrix(scores: TextScores) -> np.ndarray:
    """int64[labels, labels]: rows are the right labels, columns the predicted ones."""
    labels = scores.probabilities.shape[1]
    pairs = scores.label * labels + scores.predicted
    return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels)


def class_measures(scores: TextScores, label: int) -> dict[str, Measure]:
    """Precision, recall and F1 of one label against all others."""
    wanted, found = scores.label == label, scores.predicted == label
    both = wanted & found
    return {
        "precision": ratio_of(both, found),
        "recall": ratio_of(both, wanted),
        "f1": ratio_of(2.0 * both, wanted.astype(float) + found),
    }


def _of_two(scores: TextScores) -> dict[str, Measure]:
    measures = class_measures(scores, 1)
    positive, score = scores.label == 1, scores.probabilities[:, 1]
    if positive.any() and not positive.all():
        measures["roc_auc"] = roc_auc_of(positive, score)
        measures["average_precision"] = average_precision_of(positive, score)
    return measures


def _of_many(scores: TextScores) -> dict[str, Measure]:
    classes = [class_measures(scores, k) for k in range(scores.probabilities.shape[1])]
    measures = {
        f"macro_{name}": macro_of([of_class[name] for of_class in classes])
        for name in ("precision", "recall", "f1")
    }
    # Each text has one label and gets one, so that over all classes the F1 is the share of right.
    return measures | {"micro_f1": mean_of(scores.right)}


def _squared_error(scores: TextScores) -> np.ndarray:
    if scores.probabilities.shape[1] == 2:
        return (scores.probabilities[:, 1] - scores.label) ** 2
    # (p - 1)² of the right label and p² of the others, without a matrix of what is right.
    right = _at(scores.probabilities, scores.label)
    return (scores.probabilities**2).sum(axis=1) - 2 * right + 1


def _at(probabilities: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.take_along_axis(probabilities, label[:, np.newaxis], axis=1)[:, 0]
