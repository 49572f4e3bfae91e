"""95 % intervals of figures, and the distribution of a difference over resamples."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from serving.evaluation.measures import Measure

SEED = 0
RESAMPLES = 2000
_Z = 1.959963984540054  # the normal distribution has 95 % within so many deviations
_CHUNK = 1 << 21  # weights held at a time

Interval = tuple[float, float]


def wilson(right: int, total: int) -> Interval:
    """The score interval of a share (Wilson 1927)."""
    share, z2 = right / total, _Z * _Z
    middle = share + z2 / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    scale = 1 + z2 / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def bootstrap(
    measures: Mapping[str, Measure], examples: int, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """The middle 95 % of each figure over resamples of the examples (percentile bootstrap)."""
    return {
        name: _middle(values)
        for name, values in distribution(measures, examples, resamples).items()
    }


def distribution(
    measures: Mapping[str, Measure], examples: int, resamples: int
) -> dict[str, np.ndarray]:
    """Each figure over the same resamples, float64[resamples]; the same in every run."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in measures}
    for weights in _weights(examples, resamples):
        for name, measure in measures.items():
            found[name].append(measure(weights))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _middle(values: np.ndarray) -> Interval:
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _weights(examples: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each resample draws each example: float64[some resamples, examples]."""
    random = np.random.default_rng(SEED)
    step = max(1, _CHUNK // examples)
    for done in range(0, resamples, step):
        rows = min(step, resamples - done)
        drawn = random.integers(0, examples, (rows, examples), dtype=np.int32)
        places = drawn + examples * np.arange(rows, dtype=np.int64)[:, np.newaxis]
        counts = np.bincount(places.ravel(), minlength=rows * examples)
        yield counts.reshape(rows, examples).astype(np.float64)
