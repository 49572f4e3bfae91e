"""Figures as functions of the examples' weights, so that one definition gives a figure (all weights
are 1) and its bootstrap distribution (a weight is how often a resample drew the example)."""

from collections.abc import Callable

import numpy as np

# float64[resamples, examples] -> float64[resamples]
Measure = Callable[[np.ndarray], np.ndarray]


def value_of(measure: Measure, examples: int) -> float:
    """The figure itself."""
    return float(measure(np.ones((1, examples)))[0])


def mean_of(values: np.ndarray) -> Measure:
    """The mean of a number for each example."""
    column = np.asarray(values, np.float64)
    return lambda weights: weights @ column / weights.sum(axis=1)


def ratio_of(numerator: np.ndarray, denominator: np.ndarray) -> Measure:
    """A sum over another one; 0 where the latter is 0."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return lambda weights: _divided(weights @ above, weights @ below)


def macro_of(measures: list[Measure]) -> Measure:
    """The plain mean of several figures."""
    return lambda weights: np.mean([measure(weights) for measure in measures], axis=0)


def roc_auc_of(positive: np.ndarray, score: np.ndarray) -> Measure:
    """The share of pairs of a positive and a negative in which the positive has the higher score.

    Pairs with equal scores count half (Mann and Whitney's U): it is exact, with no curve drawn.
    NaN for a resample without one of the two.
    """
    grouped = _by_score(positive, score)

    def measure(weights: np.ndarray) -> np.ndarray:
        positives, negatives = grouped(weights)
        below = np.cumsum(negatives, axis=1) - negatives
        won = (positives * (below + negatives / 2)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return won / (positives.sum(axis=1) * negatives.sum(axis=1))

    return measure


def average_precision_of(positive: np.ndarray, score: np.ndarray) -> Measure:
    """The precision at each positive, on the way down the scores, on average; NaN without one."""
    grouped = _by_score(positive, score)

    def measure(weights: np.ndarray) -> np.ndarray:
        positives, negatives = (part[:, ::-1] for part in grouped(weights))
        found = np.cumsum(positives, axis=1)
        precision = _divided(found, found + np.cumsum(negatives, axis=1))
        with np.errstate(invalid="ignore"):
            return (positives * precision).sum(axis=1) / found[:, -1]

    return measure


def _by_score(positive: np.ndarray, score: np.ndarray) -> Callable:
    """Weights -> those of positives and of negatives, summed for each distinct score, rising."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    is_positive = np.asarray(positive, bool)[order].astype(np.float64)

    def grouped(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        drawn = weights[:, order]
        positives = np.add.reduceat(drawn * is_positive, starts, axis=1)
        return positives, np.add.reduceat(drawn, starts, axis=1) - positives

    return grouped


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
