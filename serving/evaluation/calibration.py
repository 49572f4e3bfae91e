"""How far a model's probabilities can be trusted (Guo et al. 2017, arXiv:1706.04599)."""

import dataclasses

import numpy as np

from serving.evaluation.measures import Measure

BINS = 15  # of equal width over (0, 1], as in that paper


@dataclasses.dataclass(frozen=True)
class Bin:
    """The examples whose probability lies in (lower, upper]."""

    lower: float
    upper: float
    count: int
    confidence: float | None  # mean probability of what the model answered; None without any
    accuracy: float | None  # share that is right


def calibration_error_of(confidence: np.ndarray, right: np.ndarray) -> Measure:
    """The expected calibration error: over the bins, the gap between the mean probability of the
    answers given and the share that is right, weighted by the bin's examples.

    Args:
        confidence: float64[examples], the probability of the answer that was given.
        right: bool[examples].
    """
    gap = np.zeros((len(confidence), BINS))
    gap[np.arange(len(confidence)), _bin_of(confidence)] = confidence - right
    return lambda weights: np.abs(weights @ gap).sum(axis=1) / weights.sum(axis=1)


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[Bin]:
    """The bins of the diagram."""
    place = _bin_of(confidence)
    count = np.bincount(place, minlength=BINS)
    sums = (np.bincount(place, values, BINS) for values in (confidence, np.asarray(right, float)))
    columns = (count.tolist(), *(column.tolist() for column in sums))
    return [
        Bin(k / BINS, (k + 1) / BINS, n, total / n if n else None, found / n if n else None)
        for k, (n, total, found) in enumerate(zip(*columns, strict=True))
    ]


def _bin_of(confidence: np.ndarray) -> np.ndarray:
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
