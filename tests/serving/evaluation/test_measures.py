"""Figures by hand, by plain loops, and of examples that stand there several times."""

import math

import numpy as np
import pytest

from serving.evaluation.calibration import calibration_error_of, reliability
from serving.evaluation.measures import average_precision_of, ratio_of, roc_auc_of, value_of
from serving.evaluation.text_figures import (
    TextScores,
    class_measures,
    confusion_matrix,
    text_measures,
)


def values(measures, examples):
    return {name: value_of(measure, examples) for name, measure in measures.items()}


def random_scores(seed, count=200):
    """With many ties: probabilities in steps of 0.05."""
    draw = np.random.default_rng(seed)
    positive = draw.random(count) < 0.4
    score = np.round((draw.random(count) + 0.5 * positive) / 1.5 * 20) / 20
    return positive, score


def plain_auc(positive, score):
    pairs = [(p, n) for p in score[positive] for n in score[~positive]]
    return sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs) / len(pairs)


def plain_average_precision(positive, score):
    total, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        found = score >= threshold
        recall = (found & positive).sum() / positive.sum()
        total += (recall - before) * (found & positive).sum() / found.sum()
        before = recall
    return total


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_those_of_plain_loops(seed):
    positive, score = random_scores(seed)
    area = value_of(roc_auc_of(positive, score), len(score))
    assert area == pytest.approx(plain_auc(positive, score), abs=1e-12)
    precision = value_of(average_precision_of(positive, score), len(score))
    assert precision == pytest.approx(plain_average_precision(positive, score), abs=1e-12)


def test_a_weight_is_how_often_an_example_stands_there():
    positive, score = random_scores(7, count=60)
    weights = np.random.default_rng(1).integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), weights)
    label = positive.astype(np.int64)
    once = TextScores(label, np.stack([1 - score, score], axis=1))
    often = TextScores(label[repeated], once.probabilities[repeated])
    found = {
        name: float(measure(weights[np.newaxis].astype(float))[0])
        for name, measure in text_measures(once).items()
    }
    assert found == pytest.approx(values(text_measures(often), len(repeated)), abs=1e-12)


def test_two_labels_by_hand():
    positive = np.array([0.8, 0.4, 0.5, 0.9])
    scores = TextScores(np.array([1, 0, 1, 0]), np.stack([1 - positive, positive], axis=1))
    found = values(text_measures(scores), 4)
    loss = -(math.log(0.8) + math.log(0.6) + math.log(0.5) + math.log(0.1)) / 4
    # Right: a, b, c; d is a false positive. Of the pairs (a,b), (a,d), (c,b), (c,d) two are won.
    assert found == {
        "accuracy": 0.75,
        "loss": pytest.approx(loss),
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "roc_auc": 0.5,
        "average_precision": pytest.approx((1 / 2 + 2 / 3) / 2),
        "brier": pytest.approx((0.04 + 0.16 + 0.25 + 0.81) / 4),
        # Each in a bin of its own: |0.8-1|, |0.6-1|, |0.5-1|, |0.9-0|.
        "calibration_error": pytest.approx((0.2 + 0.4 + 0.5 + 0.9) / 4),
    }


def test_one_label_alone_has_no_curve():
    scores = TextScores(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    found = values(text_measures(scores), 2)
    assert "roc_auc" not in found
    assert (found["precision"], found["recall"], found["f1"]) == (0.0, 0.0, 0.0)


def test_three_labels_by_hand():
    rows = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.4, 0.1], [0.2, 0.2, 0.6]]
    scores = TextScores(np.array([0, 1, 1, 2]), np.array(rows))
    found = values(text_measures(scores), 4)
    # Precision 1/2, 1, 1; recall 1, 1/2, 1; F1 2/3, 2/3, 1.
    assert found["macro_precision"] == pytest.approx(2.5 / 3)
    assert found["macro_recall"] == pytest.approx(2.5 / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["micro_f1"] == found["accuracy"] == 0.75
    assert found["brier"] == pytest.approx((0.14 + 0.26 + 0.62 + 0.24) / 4)
    assert confusion_matrix(scores).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert values(class_measures(scores, 1), 4) == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
    }


def test_a_probability_of_nothing_has_a_finite_loss():
    scores = TextScores(np.array([1]), np.array([[1.0, 0.0]]))
    assert value_of(text_measures(scores)["loss"], 1) == pytest.approx(-math.log(1e-7))


def test_a_ratio_of_nothing_is_zero():
    assert value_of(ratio_of(np.zeros(3), np.zeros(3)), 3) == 0.0


def test_calibration_error_by_plain_loops():
    draw = np.random.default_rng(5)
    confidence = np.concatenate([draw.random(500), [0.0, 1.0, 1 / 15, 2 / 15]])
    right = draw.random(504) < confidence
    error = 0.0
    for k in range(15):
        inside = [
            (c, r)
            for c, r in zip(confidence, right, strict=True)
            if k / 15 < c <= (k + 1) / 15 or (c == 0 and k == 0)
        ]
        if inside:
            mean = sum(c for c, _ in inside) / len(inside)
            error += len(inside) / 504 * abs(mean - sum(r for _, r in inside) / len(inside))
    assert value_of(calibration_error_of(confidence, right), 504) == pytest.approx(error)
    bins = reliability(confidence, right)
    assert sum(one.count for one in bins) == 504
    gaps = sum(one.count * abs(one.confidence - one.accuracy) for one in bins if one.count)
    assert gaps / 504 == pytest.approx(error)


def test_an_empty_bin_has_no_figures():
    bins = reliability(np.array([0.99, 0.95]), np.array([True, False]))
    assert [one.count for one in bins] == [0] * 14 + [2]
    assert bins[0].confidence is None
    assert bins[14].confidence == pytest.approx(0.97)
    assert bins[14].accuracy == 0.5
