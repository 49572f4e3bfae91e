"""Intervals against published values and the theory."""

import math

import numpy as np
import pytest

from serving.evaluation.comparison import mcnemar
from serving.evaluation.intervals import bootstrap, distribution, wilson
from serving.evaluation.measures import mean_of


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson(right, total, low, high):
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson(total - right, total) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_the_bootstrap_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(2).normal(3.0, 2.0, 1000)
    low, high = bootstrap({"mean": mean_of(values)}, 1000, 4000)["mean"]
    half = 1.96 * values.std() / math.sqrt(1000)
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_figures_share_their_resamples_and_are_the_same_again():
    values = np.random.default_rng(4).random(300)
    measures = {"a": mean_of(values), "b": mean_of(values + 1)}
    drawn = distribution(measures, 300, 500)
    assert drawn["b"] - drawn["a"] == pytest.approx(np.ones(500))
    assert drawn["a"].std() > 0
    assert np.array_equal(distribution(measures, 300, 500)["a"], drawn["a"])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(0, 0, 1.0, id="nothing"),
        pytest.param(5, 5, 1.0, id="equal"),
        pytest.param(0, 5, 2 / 32, id="five-heads"),
        pytest.param(1, 7, 2 * (1 + 8) / 256, id="one-of-eight"),
        pytest.param(9, 3, 2 * (1 + 12 + 66 + 220) / 4096, id="three-of-twelve"),
    ],
)
def test_mcnemar_is_the_exact_binomial_test(first, second, expected):
    assert mcnemar(first, second) == pytest.approx(expected)
    assert mcnemar(second, first) == pytest.approx(expected)


def test_mcnemar_of_many():
    # Normal with continuity correction: z = (|1100 - 900| - 1) / sqrt(2000) = 4.4497.
    assert mcnemar(1100, 900) == pytest.approx(math.erfc(4.4497 / math.sqrt(2)), rel=0.02)
