"""An encoder's affine maps, and the element-wise work between them, with gradients of their own.

The matrix products of a training step run close to what a CPU can do; most of the rest is reading
and writing activations once per op. Each element-wise function here is one pass: XLA compiles it
for each shape that it meets, so callers should keep to few lengths. Its arithmetic is float32.

Dropout draws no random tensor: whether an element is kept is a hash of its index and a key, worked
out again in the backward pass.
"""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from trainer.tensorflow_keras import keras

LAYER_NORM_EPSILON = 1e-12  # google-research/bert modeling.py, as in keras_hub's BertBackbone
GELU_INNER, GELU_CUBE = 0.7978845608028654, 0.044715  # sqrt(2 / pi); Hendrycks & Gimpel 2016
# The "lowbias32" integer hash of C. Wellons, Prospecting for Hash Functions, 2018.
HASH_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
HASH_SHIFTS = (16, 15, 16)

# Layers x width x tokens, over a run, from which on it pays to compile: a shape takes a second or
# so, a run meets some twenty, and MiniLM (6 x 384) saves 0.1 ms a token on 2 cores.
WORTH_COMPILING = 5e8

Differentiable = tuple[Any, Callable[..., Any]]  # a value, and its gradient function


class Kernels:
    """The fused functions of an encoder.

    Args:
        jit_compile: compile each with XLA. It takes about a second for each shape, which only
            pays where activations are large; without it they run op by op.
    """

    def __init__(self, jit_compile: bool):
        self._call = _compiled if jit_compile else _plain

    def affine(self, values: tf.Tensor, kernel: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        """values kernel + offset, with the gradient of `offset` as exact as that of `kernel`.

        TensorFlow's own gradient of a bias adds up the tokens in the precision of the upstream
        gradient: in bfloat16, over a few thousand tokens, it is wrong by some 40 %. A product with
        ones adds up in float32, and is faster.

        Args:
            values: float[tokens, in].
            kernel: float[in, out], of the same dtype.
            offset: float[out], of the same dtype.

        Returns:
            float[tokens, out].
        """

        @tf.custom_gradient
        def applied(values: tf.Tensor, kernel: tf.Tensor, offset: tf.Tensor) -> Differentiable:
            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                ones = tf.ones([1, tf.shape(upstream)[0]], upstream.dtype)
                return (
                    tf.matmul(upstream, kernel, transpose_b=True),
                    tf.matmul(values, upstream, transpose_a=True),
                    tf.matmul(ones, upstream)[0],
                )

            return tf.nn.bias_add(tf.matmul(values, kernel), offset), gradient

        return applied(values, kernel, offset)

    def gelu(self, values: tf.Tensor) -> tf.Tensor:
        """The tanh form of GELU, elementwise on float[tokens, width]."""
        call = self._call

        @tf.custom_gradient
        def activated(values: tf.Tensor) -> Differentiable:
            return call(_gelu)(values), functools.partial(call(_gelu_gradient), values)

        return activated(values)

    def add_norm(
        self,
        residual: tf.Tensor,
        update: tf.Tensor,
        gamma: tf.Tensor,
        beta: tf.Tensor,
        rate: float = 0.0,
        key: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """LayerNorm of residual + dropout(update), over the last axis.

        Args:
            residual: float[tokens, hidden].
            update: float[tokens, hidden], of the same dtype.
            gamma: float32[hidden].
            beta: float32[hidden].
            rate: share of `update` that is zeroed; 0 for none.
            key: uint32[2], of the dropout; needed where there is some.
        """
        call = self._call

        @tf.custom_gradient
        def normalized(*inputs: tf.Tensor) -> Differentiable:
            output, normal, inverse = call(_add_norm)(*inputs, rate, key)

            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
                to_inputs = call(_add_norm_gradient)(
                    normal, inverse, inputs[2], upstream, rate, key
                )
                return *to_inputs, *call(_scale_gradients)(normal, upstream)

            return output, gradient

        return normalized(residual, update, gamma, beta)

    def dropout(self, values: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
        """Zeroes a share `rate` of the elements and scales the others by 1 / (1 - rate)."""
        if rate == 0.0:
            return values
        zeroed = functools.partial(self._call(_dropout), rate=rate, key=key)

        @tf.custom_gradient
        def dropped(values: tf.Tensor) -> Differentiable:
            return zeroed(values), zeroed

        return dropped(values)

    def attention(
        self,
        query: tf.Tensor,
        key: tf.Tensor,
        value: tf.Tensor,
        bias: tf.Tensor,
        rate: float,
        dropout_key: tf.Tensor,
    ) -> tf.Tensor:
        """softmax(query key^T / sqrt(depth) + bias), after dropout, times value.

        The backward pass uses that the sum over a row of probabilities times their gradients is
        that of the output times its own (Dao et al. 2022, FlashAttention, appendix B.2): as many
        products as the depth, not as there are tokens.

        Args:
            query: float[batch, heads, from, depth].
            key: float[batch, heads, to, depth].
            value: float[batch, heads, to, depth].
            bias: float[batch, 1, 1, to]; no gradient is taken of it.
            rate: share of the probabilities that is zeroed.
            dropout_key: uint32[2].

        Returns:
            float[batch, heads, from, depth].
        """
        call = self._call
        scale = tf.cast(query.shape[-1] ** -0.5, query.dtype)

        @tf.custom_gradient
        def attended(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> Differentiable:
            scores = tf.matmul(query, key, transpose_b=True) * scale + bias  # fused on a CPU
            probabilities = tf.nn.softmax(scores)
            kept = probabilities
            if rate:
                kept = call(_dropout)(probabilities, rate, dropout_key)
            output = tf.matmul(kept, value)

            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                to_kept = tf.matmul(upstream, value, transpose_b=True)
                to_scores = call(_softmax_gradient)(probabilities, kept, to_kept, output, upstream)
                return (
                    tf.matmul(to_scores, key) * scale,
                    tf.matmul(to_scores, query, transpose_a=True) * scale,
                    tf.matmul(kept, upstream, transpose_a=True),
                )

            return output, gradient

        return attended(query, key, value)


@functools.cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)


def is_worth_compiling(backbone: keras.Model, tokens: int) -> bool:
    """Whether a run on so many tokens, all epochs together, is faster with compiled kernels."""
    return backbone.num_layers * backbone.hidden_dim * tokens >= WORTH_COMPILING


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _gelu(values: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(values, tf.float32)
    inner = GELU_INNER * wide * (1.0 + GELU_CUBE * wide * wide)
    return tf.cast(0.5 * wide * (1.0 + tf.tanh(inner)), values.dtype)


def _gelu_gradient(values: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    wide = tf.cast(values, tf.float32)
    square = wide * wide
    bent = tf.tanh(GELU_INNER * wide * (1.0 + GELU_CUBE * square))
    slope = GELU_INNER * (1.0 + 3.0 * GELU_CUBE * square)
    derivative = 0.5 * (1.0 + bent) + 0.5 * wide * (1.0 - bent * bent) * slope
    return tf.cast(derivative * tf.cast(upstream, tf.float32), values.dtype)


def _add_norm(residual, update, gamma, beta, rate, key):
    total = tf.cast(residual, tf.float32) + _scaled(update, rate, key)
    centered = total - tf.reduce_mean(total, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), -1, keepdims=True)
    inverse = tf.math.rsqrt(variance + LAYER_NORM_EPSILON)
    normal = centered * inverse
    dtype = residual.dtype
    return tf.cast(normal * gamma + beta, dtype), tf.cast(normal, dtype), inverse


def _add_norm_gradient(normal, inverse, gamma, upstream, rate, key):
    wide = tf.cast(normal, tf.float32)
    scaled = tf.cast(upstream, tf.float32) * gamma
    inward = scaled - tf.reduce_mean(scaled, -1, keepdims=True)
    inward -= wide * tf.reduce_mean(scaled * wide, -1, keepdims=True)
    inward *= inverse
    return tf.cast(inward, normal.dtype), tf.cast(_scaled(inward, rate, key), normal.dtype)


def _scale_gradients(normal, upstream):
    wide = tf.cast(upstream, tf.float32)
    return tf.reduce_sum(wide * tf.cast(normal, tf.float32), 0), tf.reduce_sum(wide, 0)


def _dropout(values, rate, key):
    return tf.cast(_scaled(values, rate, key), values.dtype)


def _softmax_gradient(probabilities, kept, to_kept, output, upstream):
    wide = [tf.cast(each, tf.float32) for each in (probabilities, kept, to_kept, output, upstream)]
    row_sums = tf.reduce_sum(wide[3] * wide[4], -1, keepdims=True)
    return tf.cast(wide[1] * wide[2] - wide[0] * row_sums, probabilities.dtype)


def _scaled(values: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Dropout in float32."""
    wide = tf.cast(values, tf.float32)
    if rate == 0.0:
        return wide
    return tf.where(_kept(tf.shape(values), rate, key), wide / (1.0 - rate), 0.0)


def _kept(shape: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """bool[shape], False with probability `rate`: a hash of each element's index and the key."""
    index = tf.cast(tf.range(tf.reduce_prod(shape)), tf.uint32)
    mixed = tf.bitwise.bitwise_xor(index, key[0])
    first, second = (tf.constant(each, tf.uint32) for each in HASH_MULTIPLIERS)
    mixed = tf.bitwise.bitwise_xor(_folded(mixed, HASH_SHIFTS[0]) * first, key[1])
    mixed = _folded(_folded(mixed, HASH_SHIFTS[1]) * second, HASH_SHIFTS[2])
    return tf.reshape(mixed >= tf.constant(round(rate * 2**32), tf.uint32), shape)


def _folded(values: tf.Tensor, shift: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(
        values, tf.bitwise.right_shift(values, tf.constant(shift, tf.uint32))
    )
