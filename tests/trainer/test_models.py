"""trainer/models.py and trainer/encoder.py: the encoder computes what the backbone computes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.tiny import ARCHITECTURE
from trainer.encoder import Encoder, fast_forward
from trainer.fine_tuning import Objective
from trainer.metrics import batch_loss_and_sums
from trainer.models import review_classifier, span_model, task_model, text_classifier
from trainer.presets import new_backbone

DRAW = tf.constant(0, tf.int64)


@pytest.fixture(scope="module")
def backbone():
    made = new_backbone(ARCHITECTURE | {"num_layers": 2, "dropout": 0.5}, "float32")
    generator = np.random.default_rng(0)
    for variable in made.trainable_variables:  # biases, too, and far from 0
        variable.assign(generator.normal(0, 0.3, variable.shape) + (variable.name == "gamma"))
    return made


@pytest.fixture(scope="module")
def batch():
    """Three rows of 16, 11 and 5 tokens."""
    generator = np.random.default_rng(0)
    mask = (np.arange(16) < np.array([[16], [11], [5]])).astype(np.int32)
    return {
        "token_ids": tf.constant(generator.integers(0, 60, (3, 16)).astype(np.int32) * mask),
        "segment_ids": tf.constant((np.arange(16) > 3).astype(np.int32) * mask),
        "padding_mask": tf.constant(mask),
        "weight": tf.fill([3], 1 / 3),
        "label": tf.constant([0, 1, 1]),
        "start_token": tf.constant([3, 4, 2]),
        "end_token": tf.constant([4, 6, 3]),
    }


def inputs(batch):
    return {name: batch[name] for name in ("token_ids", "segment_ids", "padding_mask")}


def test_outputs_of_the_review_classifier(backbone, batch):
    outputs = review_classifier(backbone)(inputs(batch), training=False)
    assert {name: (value.shape, value.dtype) for name, value in outputs.items()} == {
        "logit": ((3,), tf.float32)
    }


def test_outputs_of_the_text_classifier(backbone, batch):
    outputs = text_classifier(backbone, classes=5)(inputs(batch), training=False)
    assert {name: (value.shape, value.dtype) for name, value in outputs.items()} == {
        "logits": ((3, 5), tf.float32)
    }


@pytest.mark.parametrize(
    ("task", "classes", "name"),
    [("imdb", 2, "review_classifier"), ("imdb", 3, "text_classifier"), ("squad", 0, "span_model")],
)
def test_the_model_of_a_task(backbone, task, classes, name):
    assert task_model(task, backbone, 0.1, classes).name == name


def test_outputs_of_the_span_model(backbone, batch):
    outputs = span_model(backbone)(inputs(batch), training=False)
    assert {name: (value.shape, value.dtype) for name, value in outputs.items()} == {
        "start_logits": ((3, 16), tf.float32),
        "end_logits": ((3, 16), tf.float32),
    }


def gradients(task, model, run, batch):
    with tf.GradientTape() as tape:
        loss, _ = batch_loss_and_sums(Objective(task=task), run(), batch)
    variables = [variable.value for variable in model.trainable_variables]
    found = tape.gradient(loss, variables, unconnected_gradients="zero")
    return float(loss), [tf.convert_to_tensor(gradient).numpy() for gradient in found]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("task", ["imdb", "squad"])
def test_encoder_equals_the_backbone(task, compiled, backbone, batch):
    model = task_model(task, backbone)
    fast = fast_forward(model, backbone, 0, task == "imdb", compiled)
    expected, expected_gradients = gradients(
        task, model, lambda: model(inputs(batch), training=False), batch
    )
    found, found_gradients = gradients(task, model, lambda: fast(inputs(batch), False, DRAW), batch)
    assert found == pytest.approx(expected, rel=1e-6)
    for one, other in zip(found_gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_padding_changes_nothing(backbone, batch):
    fast = fast_forward(span_model(backbone), backbone, 0, first_token_only=False)
    whole = fast(inputs(batch), False, DRAW)["start_logits"][2, :5]
    cut = {name: value[2:, :5] for name, value in inputs(batch).items()}
    np.testing.assert_allclose(fast(cut, False, DRAW)["start_logits"][0], whole, atol=1e-5)


@pytest.mark.parametrize("task", ["imdb", "squad"])
def test_dropout_is_a_function_of_seed_and_draw(task, backbone, batch):
    model = task_model(task, backbone, dropout=0.5)
    output = {"imdb": "logit", "squad": "start_logits"}[task]

    def run(seed, draw):
        fast = fast_forward(model, backbone, seed, first_token_only=task == "imdb")
        return fast(inputs(batch), True, tf.constant(draw))[output].numpy()

    first = run(0, np.int64(7))
    np.testing.assert_array_equal(first, run(0, np.int64(7)))
    assert np.abs(first - run(0, np.int64(8))).max() > 0.01
    assert np.abs(first - run(1, np.int64(7))).max() > 0.01


def test_bfloat16_computes_low_and_stores_float32(backbone, batch):
    low = new_backbone(ARCHITECTURE | {"num_layers": 2}, "bfloat16")
    low.set_weights(backbone.get_weights())
    fast = fast_forward(span_model(low), low, 0, first_token_only=False)
    outputs = fast(inputs(batch), False, DRAW)
    assert outputs["start_logits"].dtype == tf.float32
    assert {variable.dtype for variable in low.trainable_variables} == {"float32"}
    keys = itertools.repeat(tf.zeros([2], tf.uint32))
    hidden = [
        Encoder(each)(inputs(batch), False, keys) for each in (low, backbone)
    ]  # LayerNorm gives numbers of about 1; bfloat16 has 8 bits
    assert hidden[0].dtype == tf.bfloat16
    assert np.abs(tf.cast(hidden[0], tf.float32) - hidden[1]).max() < 0.1
