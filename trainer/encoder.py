"""A BERT backbone's own mathematics on its own variables, arranged for speed on a CPU.

`keras_hub`'s encoder spends a good part of a training step outside the large matrix products:
on weight gradients taken row by row, on one random number of 16 or 32 bits per dropped element,
and on the many small steps of GELU and LayerNorm. Here tokens are one flat axis, query, key and
value are one product, a random number has 8 bits, and the two functions bring their gradients.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from trainer.tensorflow_keras import keras

LAYER_NORM_EPSILON = 1e-12  # google-research/bert modeling.py, as in keras_hub's BertBackbone
MASKED_SCORE = -1e9
GELU_INNER, GELU_CUBE = 0.7978845608028654, 0.044715  # sqrt(2 / pi); Hendrycks & Gimpel 2016
RANDOM_VALUES = 256  # a dropout rate is rounded to a multiple of 1 / 256

Drop = Callable[[tf.Tensor], tf.Tensor]
Differentiable = tuple[tf.Tensor, Callable[..., Any]]  # a value, and its gradient function
# Inputs, whether dropout is on, and the draw of `Encoder.__call__` -> the model's outputs.
Forward = Callable[[Mapping[str, tf.Tensor], bool, tf.Tensor], dict[str, tf.Tensor]]


def fast_forward(model: keras.Model, backbone: keras.Model, seed: int) -> Forward:
    """The model's computation with `Encoder` in the place of its backbone.

    Args:
        model: as `models.task_model` makes it on the backbone.
        backbone: a `keras_hub.models.BertBackbone`.
        seed: of the dropout.
    """
    encoder = Encoder(backbone, seed)
    head = keras.Model(backbone.output["sequence_output"], model.output)

    def forward(inputs, training, draw):
        return head(encoder(inputs, training, draw), training=training)

    return forward


class Encoder:
    """Computes a `keras_hub.models.BertBackbone`'s "sequence_output" from the same variables.

    Args:
        backbone: in float32 or mixed_bfloat16.
        seed: of the dropout.
    """

    def __init__(self, backbone: keras.Model, seed: int):
        self._backbone, self._seed = backbone, seed
        self._dtype = tf.as_dtype(backbone.get_layer("embeddings_dropout").compute_dtype)

    def __call__(
        self, inputs: Mapping[str, tf.Tensor], training: bool, draw: tf.Tensor
    ) -> tf.Tensor:
        """Runs the encoder.

        Args:
            inputs: token_ids, segment_ids, padding_mask, each int32[batch, sequence].
            training: whether dropout is on.
            draw: int64 scalar that is another one in each step and on each replica: the dropout
                is a function of the seed and of it, so that a resumed run draws the same.

        Returns:
            float[batch, sequence, hidden] in the backbone's precision.
        """
        backbone = self._backbone
        drop = _Dropout(backbone.dropout if training else 0.0, self._seed, draw)
        shape = tf.shape(inputs["token_ids"])
        batch, sequence = shape[0], shape[1]
        hidden = drop(_layer_norm(self._embed(inputs, sequence), backbone.embeddings_layer_norm))
        hidden = tf.reshape(hidden, [-1, backbone.hidden_dim])  # [tokens, hidden]
        bias = tf.cast(1 - inputs["padding_mask"], self._dtype)[:, None, None, :] * MASKED_SCORE
        for layer in backbone.transformer_layers:
            attended = self._attend(layer._self_attention_layer, hidden, bias, batch, drop)
            hidden = _layer_norm(hidden + drop(attended), layer._self_attention_layer_norm)
            inner = _gelu(self._dense(hidden, layer._feedforward_intermediate_dense))
            outer = self._dense(inner, layer._feedforward_output_dense)
            hidden = _layer_norm(hidden + drop(outer), layer._feedforward_layer_norm)
        return tf.reshape(hidden, [batch, sequence, backbone.hidden_dim])

    def _embed(self, inputs: Mapping[str, tf.Tensor], sequence: tf.Tensor) -> tf.Tensor:
        backbone = self._backbone
        tokens = tf.gather(backbone.token_embedding.embeddings.value, inputs["token_ids"])
        positions = backbone.position_embedding.position_embeddings.value[:sequence]
        # A product, since the gradient of a gather from two rows would add up one by one.
        segments = tf.one_hot(inputs["segment_ids"], backbone.num_segments) @ tf.identity(
            backbone.segment_embedding.embeddings.value
        )
        return tf.cast(tokens + positions + segments, self._dtype)

    def _attend(
        self,
        attention: keras.layers.MultiHeadAttention,
        hidden: tf.Tensor,
        bias: tf.Tensor,
        batch: tf.Tensor,
        drop: Drop,
    ) -> tf.Tensor:
        width, heads = self._backbone.hidden_dim, self._backbone.num_heads
        parts = (attention.query_dense, attention.key_dense, attention.value_dense)
        kernel = tf.concat([tf.reshape(part.kernel.value, [width, width]) for part in parts], 1)
        offset = tf.concat([tf.reshape(part.bias.value, [width]) for part in parts], 0)
        projected = self._affine(hidden, kernel, offset)  # [tokens, 3 * hidden]
        split = tf.reshape(projected, [batch, -1, 3, heads, width // heads])
        query, key, value = tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]))
        query *= tf.cast((width // heads) ** -0.5, self._dtype)
        scores = tf.matmul(query, key, transpose_b=True) + bias  # [batch, heads, from, to]
        context = tf.matmul(drop(tf.nn.softmax(scores)), value)
        context = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, width])
        output = attention.output_dense
        kernel = tf.reshape(output.kernel.value, [width, width])
        return self._affine(context, kernel, output.bias.value)

    def _dense(self, hidden: tf.Tensor, layer: keras.layers.Dense) -> tf.Tensor:
        return self._affine(hidden, layer.kernel.value, layer.bias.value)

    def _affine(self, hidden: tf.Tensor, kernel: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        product = tf.matmul(hidden, tf.cast(kernel, self._dtype))
        return tf.nn.bias_add(product, tf.cast(offset, self._dtype))


class _Dropout:
    """Zeroes elements with a rate; each call draws with a seed of its own."""

    def __init__(self, rate: float, seed: int, draw: tf.Tensor):
        self._dropped = round(rate * RANDOM_VALUES)
        self._seed, self._draw, self._calls = seed, draw, 0

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        if not self._dropped:
            return values
        self._calls += 1
        seed = tf.stack([tf.cast(self._seed * 1000 + self._calls, tf.int64), self._draw])
        size = tf.size(values)
        words = tf.random.stateless_uniform(
            [(size + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32
        )
        bits = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size]
        kept = tf.reshape(bits, tf.shape(values)) >= tf.cast(self._dropped, tf.uint8)
        scale = RANDOM_VALUES / (RANDOM_VALUES - self._dropped)
        return values * (tf.cast(kept, values.dtype) * tf.cast(scale, values.dtype))


@tf.custom_gradient
def _gelu(values: tf.Tensor) -> Differentiable:
    """The tanh form of GELU, written with 1 + tanh(z) = 2 sigmoid(2 z)."""
    inner, cube = 2.0 * GELU_INNER, 2.0 * GELU_INNER * GELU_CUBE
    gate = tf.sigmoid(values * (inner + cube * tf.square(values)))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        slope = inner + 3.0 * cube * tf.square(values)
        through_gate = tf.raw_ops.SigmoidGrad(y=gate, dy=upstream * values)
        return upstream * gate + through_gate * slope

    return values * gate, gradient


def _layer_norm(values: tf.Tensor, layer: keras.layers.LayerNormalization) -> tf.Tensor:
    return _scaled_norm(values, layer.gamma.value, layer.beta.value)


@tf.custom_gradient
def _scaled_norm(values: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> Differentiable:
    """LayerNorm over the last axis, in float32 inside."""
    wide = tf.cast(values, tf.float32)
    centered = wide - tf.reduce_mean(wide, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), -1, keepdims=True)
    inverse = tf.math.rsqrt(variance + LAYER_NORM_EPSILON)
    normal = centered * inverse

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        wide_upstream = tf.cast(upstream, tf.float32)
        rows = list(range(len(values.shape) - 1))
        product = wide_upstream * normal
        scaled = wide_upstream * gamma
        inward = scaled - tf.reduce_mean(scaled, -1, keepdims=True)
        inward -= normal * tf.reduce_mean(product * gamma, -1, keepdims=True)
        return (
            tf.cast(inverse * inward, values.dtype),
            tf.reduce_sum(product, rows),
            tf.reduce_sum(wide_upstream, rows),
        )

    return tf.cast(normal * gamma + beta, values.dtype), gradient
