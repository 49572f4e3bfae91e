"""trainer/metrics.py. Expected numbers are computed by hand."""

import math

import pytest
import tensorflow as tf

from trainer.metrics import batch_loss_and_sums, sentiment_loss, span_loss


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
    batch = {"label": tf.constant([1, 0, 0]), "weight": tf.constant([0.5, 0.5, 0.0])}
    loss, sums = batch_loss_and_sums("imdb", {"logit": tf.constant([0.0, -1.0, 5.0])}, batch)
    total = math.log(2) + math.log1p(math.exp(-1))
    assert float(loss) == pytest.approx(total / 2)
    assert {name: float(value) for name, value in sums.items()} == {
        "loss": pytest.approx(total),
        "examples": 2.0,
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
    _, sums = batch_loss_and_sums("squad", outputs, batch)
    assert (float(sums["start_accuracy"]), float(sums["end_accuracy"])) == (1.0, 2.0)
