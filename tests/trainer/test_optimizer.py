"""trainer/optimizer.py. Expected values come from the formulas, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.tiny import ARCHITECTURE
from trainer.models import span_model
from trainer.optimizer import WarmupLinearDecay, build_optimizer, undecayed_variables
from trainer.presets import new_backbone
from trainer.tensorflow_keras import keras


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (7, 0.5), (9, 1 / 6), (10, 0.0)],
)
def test_schedule_of_ten_steps_with_four_of_warmup(step, expected):
    schedule = WarmupLinearDecay(1.0, total_steps=10, warmup_steps=4)
    assert float(schedule(step)) == pytest.approx(expected)


def test_schedule_without_warmup_starts_at_the_peak():
    assert float(WarmupLinearDecay(2.0, total_steps=4, warmup_steps=0)(0)) == 2.0


def test_biases_and_layer_norms_are_not_decayed():
    model = span_model(new_backbone(ARCHITECTURE, "float32"))
    undecayed = {variable.path for variable in undecayed_variables(model)}
    decayed = {variable.path for variable in model.trainable_variables} - undecayed
    # One layer: 4 attention products, 2 dense products, 3 embeddings and the head's kernel.
    assert len(decayed) == 10
    assert all(path.endswith(("kernel", "embeddings")) for path in decayed)
    assert all(path.endswith(("bias", "gamma", "beta")) for path in undecayed)


def line_model(values):
    layer_input = keras.Input((len(values),))
    model = keras.Model(layer_input, keras.layers.Dense(1, name="dense")(layer_input))
    model.get_layer("dense").set_weights([np.array(values, "float32")[:, None], np.zeros(1)])
    return model


def adamw_by_hand(weights, gradients, rate, decay):
    """Loshchilov & Hutter 2019, algorithm 2, in float64; the rate is rate(step)."""
    first, second = np.zeros(2), np.zeros(2)
    for step, gradient in enumerate(gradients, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights = weights - rate(step) * decay * weights
        corrected = first / (1 - 0.9**step), second / (1 - 0.999**step)
        weights = weights - rate(step) * corrected[0] / (np.sqrt(corrected[1]) + 1e-6)
    return weights


def test_updates_are_adamw_with_clipping():
    model = line_model([1.0, -2.0])
    optimizer = build_optimizer(model, 0.1, 4, warmup_fraction=0.0, weight_decay=0.5)
    # The second gradient has the norm 5 and is cut to (0.6, 0.8).
    for gradient in ([0.3, 0.4], [3.0, 4.0]):
        optimizer.apply([tf.constant(gradient)[:, None], tf.zeros([1])], model.trainable_variables)
    expected = adamw_by_hand(
        np.array([1.0, -2.0]),
        [np.array([0.3, 0.4]), np.array([0.6, 0.8])],
        rate=lambda step: 0.1 * (5 - step) / 4,
        decay=0.5,
    )
    assert model.get_weights()[0][:, 0] == pytest.approx(expected, rel=1e-5)


def test_small_gradients_move_weights_as_in_pytorch():
    model = line_model([1.0, -2.0])
    optimizer = build_optimizer(model, 1e-3, 10**9, 0.0, weight_decay=0.5)
    for gradient in ([3e-6, -1e-4], [1e-6, 2e-4], [5e-6, 1e-7]):
        optimizer.apply([tf.constant(gradient)[:, None], tf.zeros([1])], model.trainable_variables)
    # torch 2.13: AdamW(lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.5), in float64
    moved = np.array([0.9964539555171378, -1.9966571189217381]) - [1.0, -2.0]
    assert model.get_weights()[0][:, 0] - [1.0, -2.0] == pytest.approx(moved, rel=1e-3)


def test_rate_scales_multiply_the_rate_of_update_and_decay():
    model = line_model([1.0, -2.0])
    scales = [0.25, 3.0]  # of the kernel and the bias
    optimizer = build_optimizer(model, 0.1, 4, 0.0, weight_decay=0.5, rate_scales=scales)
    gradients = [np.array([0.3, 0.4]), np.array([0.1, -0.2])]
    for gradient in gradients:
        optimizer.apply(
            [tf.constant(gradient, tf.float32)[:, None], tf.constant([0.5])],
            model.trainable_variables,
        )
    kernel, bias = model.get_weights()
    expected = adamw_by_hand(
        np.array([1.0, -2.0]), gradients, lambda step: 0.25 * 0.1 * (5 - step) / 4, decay=0.5
    )
    assert kernel[:, 0] == pytest.approx(expected, rel=1e-5)
    expected = adamw_by_hand(
        np.zeros(2), [np.full(2, 0.5)] * 2, lambda step: 3.0 * 0.1 * (5 - step) / 4, decay=0.0
    )
    assert bias == pytest.approx(expected[:1], rel=1e-5)


def test_clipping_may_be_off():
    model = line_model([1.0, -2.0])
    optimizer = build_optimizer(model, 0.1, 4, 0.0, weight_decay=0.5, clipping_norm=0.0)
    optimizer.apply([tf.constant([[3.0], [4.0]]), tf.zeros([1])], model.trainable_variables)
    expected = adamw_by_hand(np.array([1.0, -2.0]), [np.array([3.0, 4.0])], lambda step: 0.1, 0.5)
    assert model.get_weights()[0][:, 0] == pytest.approx(expected, rel=1e-5)


def test_a_gradient_that_is_not_finite_changes_nothing():
    model = line_model([1.0, 1.0])
    optimizer = build_optimizer(model, 0.1, 4, 0.0, 0.5)
    before = [variable.numpy() for variable in optimizer.variables]
    gradients = [tf.constant([[float("nan")], [1.0]]), tf.zeros([1])]
    norm = optimizer.apply(gradients, model.trainable_variables)
    assert np.isnan(norm)
    assert model.get_weights()[0].tolist() == [[1.0], [1.0]]
    for variable, value in zip(optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def embedding_model():
    """Sums the rows of a table of 4 rows of 2 ones."""
    ids = keras.Input((None,), dtype="int32")
    table = keras.layers.Embedding(4, 2, embeddings_initializer="ones", name="table")
    return keras.Model(ids, table(ids))


def test_the_norm_of_a_sparse_gradient_is_that_of_the_dense_one():
    model = embedding_model()
    optimizer = build_optimizer(model, 0.1, 4, 0.0, weight_decay=0.0)
    rows, values = np.array([2, 0, 2, 2]), np.array([[3.0, 0], [0, 4], [3, 1], [-2, 1]], "float32")
    dense = np.zeros((4, 2))
    np.add.at(dense, rows, values)  # row 0: (0, 4); row 2: (4, 2)
    sparse = tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([4, 2]))
    assert float(optimizer.apply([sparse], model.trainable_variables)) == pytest.approx(6.0)
    assert np.linalg.norm(dense) == 6.0
    first_moment = next(v for v in optimizer.variables if "momentum" in v.path)
    np.testing.assert_allclose(first_moment.numpy(), 0.1 * dense / 6.0, rtol=1e-6)


def test_scaled_losses_train_as_others():
    gradients = [[0.3, 0.4], [3.0, 4.0]]
    models = [line_model([1.0, -2.0]) for _ in range(2)]
    for model, loss_scaling in zip(models, (False, True), strict=True):
        optimizer = build_optimizer(model, 0.1, 4, 0.0, 0.5, 1.0, loss_scaling)
        for gradient in gradients:
            scaled = optimizer.loss_scale * tf.constant(gradient)[:, None]
            optimizer.apply([scaled, tf.zeros([1])], model.trainable_variables)
    # Powers of two change no digit.
    np.testing.assert_array_equal(models[0].get_weights()[0], models[1].get_weights()[0])


def test_the_loss_scale_halves_and_doubles(monkeypatch):
    monkeypatch.setattr("trainer.optimizer.GROWTH_UPDATES", 3)
    model = line_model([1.0, 1.0])
    optimizer = build_optimizer(model, 0.01, 100, 0.0, 0.0, 1.0, loss_scaling=True)
    scales, finite, infinite = [], [[1.0], [1.0]], [[float("inf")], [1.0]]
    for gradient in (infinite, infinite, finite, finite, infinite, finite, finite, finite, finite):
        optimizer.apply([tf.constant(gradient), tf.zeros([1])], model.trainable_variables)
        scales.append(float(optimizer.loss_scale) / 2**15)
    assert scales == [0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.25, 0.25]
    assert int(optimizer.iterations) == 6  # an update that is left out does not count


def test_the_loss_scale_is_at_least_one():
    model = line_model([1.0, 1.0])
    optimizer = build_optimizer(model, 0.01, 100, 0.0, 0.0, 1.0, loss_scaling=True)
    for _ in range(17):
        optimizer.apply([tf.constant([[float("inf")], [1.0]]), tf.zeros([1])], model.variables)
    assert float(optimizer.loss_scale) == 1.0
