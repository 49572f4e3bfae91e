"""trainer/kernels.py: values and gradients against Keras' own layers, compiled and not."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.kernels import Kernels

GENERATOR = np.random.default_rng(0)
KEY = tf.constant([123456789, 987654321], tf.uint32)


@pytest.fixture(params=[False, True], ids=["plain", "compiled"])
def kernels(request):
    return Kernels(jit_compile=request.param)


def normal(*shape):
    return tf.constant(GENERATOR.normal(0, 1.5, shape), tf.float32)


def assert_same(found, expected, inputs, tolerance=2e-6):
    """Compares the values and all gradients of two functions of the same inputs."""
    upstream = normal(*found(*inputs).shape)
    results = []
    for function in (found, expected):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(*inputs)
        results.append([value, *tape.gradient(value, inputs, upstream)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=tolerance * np.abs(other).max())


def test_affine(kernels):
    def expected(values, kernel, offset):
        return tf.nn.bias_add(tf.matmul(values, kernel), offset)

    assert_same(kernels.affine, expected, [normal(40, 16), normal(16, 8), normal(8)])


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
def test_gradients_of_an_affine_map_add_up_many_tokens(kernels, dtype):
    """TensorFlow's own gradient of a bias is off by 40 % here in bfloat16."""
    values, kernel, offset = (
        tf.cast(normal(*shape), dtype) for shape in [(8192, 16), (16, 8), (8,)]
    )
    upstream = tf.cast(0.01 * normal(8192, 8) + 0.003, dtype)
    with tf.GradientTape() as tape:
        tape.watch([values, kernel, offset])
        output = kernels.affine(values, kernel, offset)
    found = tape.gradient(output, [values, kernel, offset], upstream)
    wide = [np.asarray(each, np.float64) for each in (upstream, values, kernel)]
    expected = [wide[0] @ wide[2].T, wide[1].T @ wide[0], wide[0].sum(0)]
    for one, other in zip(found, expected, strict=True):
        error = np.linalg.norm(np.asarray(one, np.float64) - other) / np.linalg.norm(other)
        assert error < 2**-7


def test_gelu_is_the_tanh_form(kernels):
    assert_same(kernels.gelu, lambda x: keras.ops.gelu(x, approximate=True), [normal(40, 16)])


def test_gelu_far_from_zero(kernels):
    values = tf.constant([-1e4, -30.0, 30.0, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(values)
        output = kernels.gelu(values)
    np.testing.assert_array_equal(output, [0, 0, 30, 1e4])
    np.testing.assert_array_equal(tape.gradient(output, values), [0, 0, 1, 1])


def test_add_norm_without_dropout(kernels):
    def expected(residual, update, gamma, beta):
        layer = keras.layers.LayerNormalization(epsilon=1e-12)
        layer.build((None, 16))
        total = residual + update
        centered = total - tf.reduce_mean(total, -1, keepdims=True)
        np.testing.assert_allclose(  # the formula below is that of Keras' layer
            layer(total), centered / tf.math.reduce_std(total, -1, keepdims=True), atol=1e-5
        )
        return centered / tf.math.reduce_std(total, -1, keepdims=True) * gamma + beta

    inputs = [normal(40, 16), normal(40, 16), normal(16), normal(16)]
    assert_same(kernels.add_norm, expected, inputs)


def test_attention_without_dropout(kernels):
    bias = tf.constant(np.where(np.arange(7) < 5, 0.0, -3e4)[None, None, None], tf.float32)

    def expected(query, key, value):
        scores = tf.einsum("bhfd,bhtd->bhft", query, key) / 2.0 + bias  # a depth of 4
        return tf.einsum("bhft,bhtd->bhfd", tf.nn.softmax(scores), value)

    inputs = [normal(2, 3, 6, 4), normal(2, 3, 7, 4), normal(2, 3, 7, 4)]
    assert_same(lambda *parts: kernels.attention(*parts, bias, 0.0, KEY), expected, inputs)


def kept_share(kernels, shape, rate, key=KEY):
    """1 / (1 - rate) where an element is kept, 0 elsewhere."""
    return kernels.dropout(tf.ones(shape), rate, key).numpy()


def test_gradients_go_through_the_same_dropout(kernels):
    rate = 0.3
    mask = kept_share(kernels, [2, 3, 6, 7], rate)
    bias = tf.zeros([2, 1, 1, 7])

    def expected(query, key, value):
        scores = tf.einsum("bhfd,bhtd->bhft", query, key) / 2.0
        return tf.einsum("bhft,bhtd->bhfd", tf.nn.softmax(scores) * mask, value)

    inputs = [normal(2, 3, 6, 4), normal(2, 3, 7, 4), normal(2, 3, 7, 4)]
    assert_same(lambda *parts: kernels.attention(*parts, bias, rate, KEY), expected, inputs)
    wide = kept_share(kernels, [40, 16], rate)
    assert_same(lambda x: kernels.dropout(x, rate, KEY), lambda x: x * wide, [normal(40, 16)])
    gamma, beta = normal(16), normal(16)
    assert_same(
        lambda *parts: kernels.add_norm(*parts, gamma, beta, rate, KEY),
        lambda residual, update: kernels.add_norm(residual, update * wide, gamma, beta),
        [normal(40, 16), normal(40, 16)],
    )


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_keeps_its_share_and_the_mean(kernels, rate):
    mask = kept_share(kernels, [1000, 1000], rate)
    assert set(np.unique(mask)) == {0.0, np.float32(1 / (1 - rate))}
    deviation = np.sqrt(rate * (1 - rate) / 1e6)
    assert abs(np.mean(mask == 0) - rate) < 4 * deviation


def test_masks_look_independent(kernels):
    """Signs that are independent have a mean product of 0, with a deviation of 2**-10."""
    drawn = tf.random.stateless_uniform([12, 2], [0, 7], None, None, tf.uint32)
    keys = [*tf.unstack(drawn), drawn[0] + [1, 0]]
    first, *others = (kept_share(kernels, [2**20], 0.5, key) - 1.0 for key in keys)
    shifted = [np.roll(first, lag) for lag in (1, 2, 3, 4, 8, 16, 384, 4096)]
    products = [np.mean(first * other) for other in (*others, *shifted)]
    products += [np.mean(one * other) for one, other in itertools.pairwise(others)]
    assert np.abs(products).max() < 4.5 * 2**-10


def test_float16_and_bfloat16_compute_in_float32(kernels):
    values = normal(40, 16)
    for dtype, tolerance in ((tf.bfloat16, 2**-8), (tf.float16, 2**-10)):
        low = kernels.gelu(tf.cast(values, dtype))
        exact = keras.ops.gelu(tf.cast(tf.cast(values, dtype), tf.float32), approximate=True)
        assert low.dtype == dtype
        np.testing.assert_allclose(tf.cast(low, tf.float32), exact, rtol=tolerance, atol=1e-6)
