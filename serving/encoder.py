"""BERT's forward pass for serving: core TensorFlow ops on constant weights."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

_LAYER_NORM_EPSILON = 1e-12  # keras-hub's BertBackbone, as google-research/bert
_MASKED = -1e9  # added to attention scores of padding


class FrozenBert:
    """A BERT encoder without dropout, whose weights become constants of the graph that calls it.

    Constants, because a Session cannot find the variables of a Keras 3 model (TF Serving loads
    models into a Session), and because TensorFlow folds and fuses them. Query, key and value
    are one matrix product.

    Args:
        weights: variable path -> value, of a keras-hub BertBackbone.
        num_layers: transformer layers.
        num_heads: attention heads per layer.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], num_layers: int, num_heads: int):
        self._weights = weights
        self._num_heads = num_heads
        self._num_layers = num_layers

    def __call__(
        self, token_ids: tf.Tensor, segment_ids: tf.Tensor, lengths: tf.Tensor
    ) -> tf.Tensor:
        """Encodes a padded batch.

        Args:
            token_ids: int32[batch, sequence].
            segment_ids: int32[batch, sequence], 0 or 1.
            lengths: int32[batch]; what follows a row's length is padding.

        Returns:
            float32[batch, sequence, hidden]; values at padding have no meaning.
        """
        batch, sequence = tf.unstack(tf.shape(token_ids))
        hidden = tf.gather(self._constant("token_embedding/embeddings"), token_ids)
        hidden += self._constant("position_embedding/embeddings")[:sequence]
        hidden += tf.gather(self._constant("segment_embedding/embeddings"), segment_ids)
        hidden = self._layer_norm(hidden, "embeddings_layer_norm")
        size = hidden.shape[-1]
        hidden = tf.reshape(hidden, [-1, size])  # [batch * sequence, hidden]
        is_token = tf.sequence_mask(lengths, sequence, tf.float32)
        mask = (1.0 - is_token)[:, tf.newaxis, tf.newaxis, :] * _MASKED
        for number in range(self._num_layers):
            layer = f"transformer_layer_{number}"
            attended = self._attention(hidden, mask, batch, sequence, f"{layer}/")
            hidden = self._layer_norm(hidden + attended, f"{layer}/self_attention_layer_norm")
            wide = self._dense(hidden, f"{layer}/feedforward_intermediate_dense")
            narrow = self._dense(
                tf.nn.gelu(wide, approximate=True), f"{layer}/feedforward_output_dense"
            )
            hidden = self._layer_norm(hidden + narrow, f"{layer}/feedforward_layer_norm")
        return tf.reshape(hidden, [batch, sequence, size])

    def _attention(
        self, hidden: tf.Tensor, mask: tf.Tensor, batch: tf.Tensor, sequence: tf.Tensor, layer: str
    ) -> tf.Tensor:
        """Multi-head self-attention with its output projection: [batch * sequence, hidden]."""
        names = [f"{layer}self_attention_layer/{part}" for part in ("query", "key", "value")]
        kernels = [self._weights[f"{name}/kernel"] for name in names]  # each [hidden, heads, size]
        head_size = kernels[0].shape[-1]
        kernels[0] = kernels[0] / np.sqrt(head_size)
        biases = [self._weights[f"{name}/bias"].reshape(-1) for name in names]
        biases[0] = biases[0] / np.sqrt(head_size)
        fused = np.concatenate([kernel.reshape(kernel.shape[0], -1) for kernel in kernels], axis=1)
        projected = tf.nn.bias_add(
            tf.matmul(hidden, tf.constant(fused, tf.float32)),
            tf.constant(np.concatenate(biases), tf.float32),
        )
        shape = [batch, sequence, 3, self._num_heads, head_size]
        query, key, value = tf.unstack(
            tf.transpose(tf.reshape(projected, shape), [2, 0, 3, 1, 4]), num=3
        )  # each [batch, heads, sequence, head_size]
        scores = tf.matmul(query, key, transpose_b=True) + mask
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        output = f"{layer}self_attention_layer/attention_output"
        kernel = self._weights[f"{output}/kernel"].reshape(-1, fused.shape[0])
        flat = tf.reshape(mixed, [-1, kernel.shape[0]])
        return tf.nn.bias_add(
            tf.matmul(flat, tf.constant(kernel)), self._constant(f"{output}/bias")
        )

    def _dense(self, inputs: tf.Tensor, name: str) -> tf.Tensor:
        product = tf.matmul(inputs, self._constant(f"{name}/kernel"))
        return tf.nn.bias_add(product, self._constant(f"{name}/bias"))

    def _layer_norm(self, inputs: tf.Tensor, name: str) -> tf.Tensor:
        mean = tf.reduce_mean(inputs, axis=-1, keepdims=True)
        centered = inputs - mean
        variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
        scale = tf.math.rsqrt(variance + _LAYER_NORM_EPSILON) * self._constant(f"{name}/gamma")
        return centered * scale + self._constant(f"{name}/beta")

    def _constant(self, path: str) -> tf.Tensor:
        return tf.constant(self._weights[path], tf.float32)
