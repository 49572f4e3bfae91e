"""BERT's forward pass for serving: core TensorFlow ops on constant weights.

The ops are arranged so that TensorFlow's CPU optimiser joins them when a graph is loaded: bias,
GELU and residual into the matrix products, scale and mask into the attention scores. No op is
compiled for a device, so that the graph as it stands runs on any.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

DTYPES = ("float32", "bfloat16")
_LAYER_NORM_EPSILON = 1e-12  # keras-hub's BertBackbone, as google-research/bert
_MASKED = -3e4  # added to attention scores of padding: exp() of it is 0


class FrozenBert:
    """A BERT encoder without dropout, whose weights become constants of the graph that calls it.

    Constants, because a Session cannot find the variables of a Keras 3 model (TF Serving loads
    models into a Session), and because TensorFlow folds and fuses them, and keeps them in the
    layout that its products want.

    Args:
        weights: variable path -> value, of a keras-hub BertBackbone.
        num_layers: transformer layers.
        num_heads: attention heads per layer.
        dtype: one of `DTYPES`, of weights and activations. LayerNorm is computed in float32.
    """

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        num_layers: int,
        num_heads: int,
        dtype: str = "float32",
    ):
        self._weights = weights
        self._num_heads = num_heads
        self._num_layers = num_layers
        self._dtype = tf.as_dtype(dtype)

    def __call__(
        self, token_ids: tf.Tensor, segment_ids: tf.Tensor, lengths: tf.Tensor
    ) -> tf.Tensor:
        """Encodes a padded batch.

        Args:
            token_ids: int32[batch, sequence].
            segment_ids: int32[batch, sequence], 0 or 1.
            lengths: int32[batch]; what follows a row's length is padding.

        Returns:
            [batch, sequence, hidden] in `dtype`; values at padding have no meaning.
        """
        hidden, mask = self._embed(token_ids, segment_ids), self._mask(token_ids, lengths)
        for number in range(self._num_layers):
            hidden = self._layer(f"transformer_layer_{number}/", hidden, hidden, mask)
        return _by_row(hidden, mask)

    def first_token(
        self, token_ids: tf.Tensor, segment_ids: tf.Tensor, lengths: tf.Tensor
    ) -> tf.Tensor:
        """What a call gives for the first token, without computing the others in the last layer.

        Takes what a call takes.

        Returns:
            [batch, hidden] in `dtype`.
        """
        hidden, mask = self._embed(token_ids, segment_ids), self._mask(token_ids, lengths)
        *layers, last = (f"transformer_layer_{number}/" for number in range(self._num_layers))
        for layer in layers:
            hidden = self._layer(layer, hidden, hidden, mask)
        return self._layer(last, _by_row(hidden, mask)[:, 0], hidden, mask)

    def _embed(self, token_ids: tf.Tensor, segment_ids: tf.Tensor) -> tf.Tensor:
        """The normalized embeddings: [batch * sequence, hidden]."""
        positions = self._weights["position_embedding/embeddings"]
        segments = self._weights["segment_embedding/embeddings"]
        places = (positions[:, np.newaxis] + segments).reshape(-1, positions.shape[1])
        place = tf.range(tf.shape(token_ids)[1]) * len(segments) + segment_ids
        hidden = tf.gather(self._constant(self._weights["token_embedding/embeddings"]), token_ids)
        hidden += tf.gather(self._constant(places), place)
        return self._layer_norm(tf.reshape(hidden, [-1, hidden.shape[-1]]), "embeddings_layer_norm")

    def _mask(self, token_ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """What is added to attention scores: [batch, 1, 1, sequence]."""
        is_token = tf.sequence_mask(lengths, tf.shape(token_ids)[1], self._dtype)
        return ((1.0 - is_token) * _MASKED)[:, tf.newaxis, tf.newaxis, :]

    def _layer(
        self, layer: str, asking: tf.Tensor, hidden: tf.Tensor, mask: tf.Tensor
    ) -> tf.Tensor:
        """One transformer layer.

        Args:
            layer: the prefix of its weights.
            asking: [batch * queries, hidden], the tokens to compute; `hidden` itself, or some.
            hidden: [batch * sequence, hidden], the tokens they attend to.
            mask: [batch, 1, 1, sequence].

        Returns:
            [batch * queries, hidden].
        """
        attended = self._attention(f"{layer}self_attention_layer/", asking, hidden, mask)
        asking = self._layer_norm(asking + attended, f"{layer}self_attention_layer_norm")
        wide = self._dense(asking, [f"{layer}feedforward_intermediate_dense"])
        wide = tf.nn.gelu(wide, approximate=True)
        narrow = self._dense(wide, [f"{layer}feedforward_output_dense"])
        return self._layer_norm(asking + narrow, f"{layer}feedforward_layer_norm")

    def _attention(
        self, layer: str, asking: tf.Tensor, hidden: tf.Tensor, mask: tf.Tensor
    ) -> tf.Tensor:
        """Multi-head attention with its output projection: [batch * queries, hidden]."""
        batch = tf.shape(mask)[0]
        if asking is hidden:
            query, key, value = self._heads(hidden, layer, ("query", "key", "value"), batch)
        else:
            (query,) = self._heads(asking, layer, ("query",), batch)
            key, value = self._heads(hidden, layer, ("key", "value"), batch)
        scale = tf.constant(query.shape[-1] ** -0.5, self._dtype)
        scores = tf.matmul(query, key, transpose_b=True) * scale + mask
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        # In the shape of `asking`: sums of equal shape are what joins a product.
        return self._dense(tf.reshape(mixed, tf.shape(asking)), [f"{layer}attention_output"])

    def _heads(
        self, inputs: tf.Tensor, layer: str, parts: Sequence[str], batch: tf.Tensor
    ) -> list[tf.Tensor]:
        """Projections to heads in one product, each [batch, heads, tokens, size]."""
        size = inputs.shape[-1] // self._num_heads
        projected = self._dense(inputs, [f"{layer}{part}" for part in parts])
        split = tf.reshape(projected, [batch, -1, len(parts), self._num_heads, size])
        return tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]), num=len(parts))

    def _dense(self, inputs: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
        """Dense layers side by side; kernels with axes for heads are taken as matrices."""
        width = inputs.shape[-1]
        kernels = [self._weights[f"{name}/kernel"].reshape(width, -1) for name in names]
        biases = [self._weights[f"{name}/bias"].reshape(-1) for name in names]
        product = tf.matmul(inputs, self._constant(np.concatenate(kernels, axis=1)))
        return tf.nn.bias_add(product, self._constant(np.concatenate(biases)))

    def _layer_norm(self, inputs: tf.Tensor, name: str) -> tf.Tensor:
        """LayerNorm of [tokens, hidden], in float32.

        Not `tf.nn.moments` with `tf.nn.batch_normalization`: TensorFlow 2.21 on a CPU makes one op
        of these that has an epsilon of 0.001 whatever the graph says, and that takes 0.1 ms for a
        single token.
        """
        wide = tf.cast(inputs, tf.float32)
        centered = wide - tf.reduce_mean(wide, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
        normal = centered * tf.math.rsqrt(variance + _LAYER_NORM_EPSILON)
        normal = normal * self._weights[f"{name}/gamma"] + self._weights[f"{name}/beta"]
        return tf.cast(normal, self._dtype)

    def _constant(self, value: np.ndarray) -> tf.Tensor:
        return tf.constant(value.astype(self._dtype.as_numpy_dtype))


def _by_row(hidden: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """[batch * sequence, hidden] -> [batch, sequence, hidden]."""
    shape = tf.shape(mask)
    return tf.reshape(hidden, [shape[0], shape[3], hidden.shape[-1]])
