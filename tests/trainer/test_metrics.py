"""trainer/metrics.py. Expected numbers are computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.fine_tuning import Objective
from trainer.metrics import (
    batch_loss_and_sums,
    class_loss,
    row_predictions,
    sentiment_loss,
    span_loss,
)

TWO_TOKENS = {"padding_mask": tf.ones([3, 2], tf.int32)}


def test_sentiment_loss_is_binary_cross_entropy():
    # sigmoid(0) = 1/2; sigmoid(log 3) = 3/4
    loss = sentiment_loss(tf.constant([0.0, math.log(3), math.log(3)]), tf.constant([1, 1, 0]))
    assert loss.numpy() == pytest.approx([math.log(2), -math.log(0.75), math.log(4)])


def test_span_loss_is_the_mean_of_start_and_end_without_padding():
    # Three positions, the third is padding: even logits give 1/2, not 1/3.
    # End: softmax of (log 3, 0) is (3/4, 1/4).
    loss = span_loss(
        start_logits=tf.constant([[0.0, 0.0, 9.0]]),
        end_logits=tf.constant([[math.log(3), 0.0, 9.0]]),
        start_token=tf.constant([0]),
        end_token=tf.constant([1]),
        padding_mask=tf.constant([[1, 1, 0]]),
    )
    assert loss.numpy() == pytest.approx([(math.log(2) + math.log(4)) / 2])


def test_sums_leave_filling_out():
    batch = {
        "label": tf.constant([1, 0, 0]),
        "weight": tf.constant([0.5, 0.5, 0.0]),
        "padding_mask": tf.constant([[1, 1, 1], [1, 1, 0], [1, 0, 0]]),
    }
    loss, sums = batch_loss_and_sums(
        Objective(task="imdb"), {"logit": tf.constant([0.0, -1.0, 5.0])}, batch
    )
    total = math.log(2) + math.log1p(math.exp(-1))
    assert float(loss) == pytest.approx(total / 2)
    assert {name: float(value) for name, value in sums.items()} == {
        "loss": pytest.approx(total),
        "examples": 2.0,
        "tokens": 5.0,
        "padding": 4.0,  # all of the row that only fills the batch
        "accuracy": 1.0,  # a logit of 0 is no positive answer
    }


def test_span_accuracy_ignores_padding():
    batch = {
        "start_token": tf.constant([1, 0]),
        "end_token": tf.constant([1, 1]),
        "padding_mask": tf.constant([[1, 1, 0], [1, 1, 0]]),
        "weight": tf.constant([0.5, 0.5]),
    }
    outputs = {
        "start_logits": tf.constant([[0.0, 1.0, 9.0], [0.0, 1.0, 9.0]]),
        "end_logits": tf.constant([[0.0, 1.0, 9.0], [0.0, 1.0, 9.0]]),
    }
    _, sums = batch_loss_and_sums(Objective(task="squad"), outputs, batch)
    assert (float(sums["start_accuracy"]), float(sums["end_accuracy"])) == (1.0, 2.0)


def test_sentiment_loss_with_smoothing():
    # The target is 0.95 or 0.05: -0.95 log(3/4) - 0.05 log(1/4), and the other way round.
    loss = sentiment_loss(tf.constant([math.log(3)] * 2), tf.constant([1, 0]), label_smoothing=0.1)
    right, wrong = -math.log(0.75), -math.log(0.25)
    assert loss.numpy() == pytest.approx([0.95 * right + 0.05 * wrong, 0.05 * right + 0.95 * wrong])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_class_loss_is_the_cross_entropy_of_szegedy(smoothing):
    generator = np.random.default_rng(0)
    logits, label = generator.normal(size=(5, 4)), np.array([0, 3, 1, 1, 2])
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    # Equation (16): (1 - e) H(q, p) + e H(u, p)
    expected = -(1 - smoothing) * log_p[np.arange(5), label] - smoothing * log_p.mean(1)
    loss = class_loss(tf.constant(logits, tf.float32), tf.constant(label), smoothing)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        pytest.param({"logit": tf.constant([0.0, 0.0, 0.0])}, ("no", "yes"), id="two-labels"),
        pytest.param({"logits": tf.zeros([3, 4])}, ("a", "b", "c", "d"), id="four-labels"),
    ],
)
def test_class_weights_multiply_the_losses(outputs, labels):
    # Even logits: each row loses log(number of labels).
    objective = Objective(task="imdb", class_weights=(3.0, 0.5, 7.0, 7.0)[: len(labels)])
    batch = {"label": tf.constant([0, 1, 0]), "weight": tf.constant([0.5, 0.5, 0.0])}
    loss, sums = batch_loss_and_sums(objective, outputs, batch | TWO_TOKENS)
    assert float(loss) == pytest.approx(3.5 / 2 * math.log(len(labels)))
    assert float(sums["loss"]) == pytest.approx(3.5 * math.log(len(labels)))


def test_accuracy_of_several_classes():
    objective = Objective(task="imdb")
    logits = tf.constant([[0.0, 2.0, 1.0], [0.0, 0.0, 3.0], [5.0, 5.0, 0.0]])
    batch = {"label": tf.constant([1, 0, 0]), "weight": tf.fill([3], 1 / 3)}
    _, sums = batch_loss_and_sums(objective, {"logits": logits}, batch | TWO_TOKENS)
    assert float(sums["accuracy"]) == 2.0  # of two equal logits the first counts


def test_row_predictions_of_windows():
    outputs = {
        "start_logits": tf.constant([[1.0, 5.0, 5.0, 9.0]]),
        "end_logits": tf.constant([[2.0, 0.0, 3.0, 9.0]]),
    }
    batch = {"row": tf.constant([7]), "padding_mask": tf.constant([[1, 1, 1, 0]])}
    found = {name: value.numpy() for name, value in row_predictions(outputs, batch).items()}
    assert found["row"].tolist() == [7]
    assert found["starts"].shape == (1, 20)
    assert found["starts"][0, :3].tolist() == [1, 2, 0]  # of equals the first, no padding
    assert found["start_values"][0, :3].tolist() == [5.0, 5.0, 1.0]
    assert found["ends"][0, :3].tolist() == [2, 0, 1]
    assert found["start_values"][0, 3:].max() < -1e8
    assert found["null"].tolist() == [[1.0, 2.0]]
