"""A BERT backbone's own mathematics on its own variables, arranged for speed.

`keras_hub`'s encoder spends a good part of a training step outside the large matrix products. Here
tokens are one flat axis, query, key and value are one product, what lies between the products is
fused (`kernels.py`), and a model that looks at the first token only computes no other one in the
last layer.
"""

from collections.abc import Callable, Iterator, Mapping

import tensorflow as tf

from trainer.kernels import Kernels
from trainer.tensorflow_keras import keras

MASKED_SCORE = -3e4  # exp() of it is 0 in every precision; float16 ends at 65504

# Inputs; whether dropout is on; and the draw, an int64 scalar that is another one in each step,
# micro-batch and replica: dropout is a function of it, so that a resumed run draws the same.
Forward = Callable[[Mapping[str, tf.Tensor], bool, tf.Tensor], dict[str, tf.Tensor]]


def fast_forward(
    model: keras.Model,
    backbone: keras.Model,
    seed: int,
    first_token_only: bool,
    compiled: bool = False,
) -> Forward:
    """The model's computation with `Encoder` in the place of its backbone.

    Args:
        model: as `models.task_model` makes it on the backbone.
        backbone: a `keras_hub.models.BertBackbone`.
        seed: of the dropout.
        first_token_only: whether the model's outputs depend on the first token's hidden state only,
            as a classifier's do.
        compiled: see `kernels.Kernels`.
    """
    encoder = Encoder(backbone, first_token_only, compiled)
    sequence_output, pooled_output = (
        backbone.output[name] for name in ("sequence_output", "pooled_output")
    )
    pool = keras.Model(sequence_output, pooled_output)
    head = keras.Model(pooled_output if first_token_only else sequence_output, model.output)

    def forward(inputs, training, draw):
        keys = _dropout_keys(seed, draw, 2 + 3 * backbone.num_layers)
        hidden = encoder(inputs, training, keys)
        if first_token_only:  # Keras' own dropout in the head would draw the same on every replica
            rate = backbone.dropout if training else 0.0
            hidden = encoder.kernels.dropout(pool(hidden), rate, next(keys))
        return head(hidden, training=False)

    return forward


def _dropout_keys(seed: int, draw: tf.Tensor, count: int) -> Iterator[tf.Tensor]:
    """Keys, uint32[2], that are others for each seed and draw."""
    seeds = tf.stack([tf.constant(seed, tf.int64), draw])
    return iter(tf.unstack(tf.random.stateless_uniform([count, 2], seeds, None, None, tf.uint32)))


class Encoder:
    """Computes a `keras_hub.models.BertBackbone`'s "sequence_output" from the same variables.

    Args:
        backbone: in float32, mixed_bfloat16 or mixed_float16.
        first_token_only: give only the first token's hidden state.
        compiled: see `kernels.Kernels`.
    """

    def __init__(
        self,
        backbone: keras.Model,
        first_token_only: bool = False,
        compiled: bool = False,
    ):
        self._backbone, self._first_token_only = backbone, first_token_only
        self.kernels = Kernels(jit_compile=compiled)
        self._dtype = tf.as_dtype(backbone.get_layer("embeddings_dropout").compute_dtype)

    def __call__(
        self, inputs: Mapping[str, tf.Tensor], training: bool, keys: Iterator[tf.Tensor]
    ) -> tf.Tensor:
        """Runs the encoder.

        Args:
            inputs: token_ids, segment_ids, padding_mask, each int32[batch, sequence].
            training: whether dropout is on.
            keys: of the dropout, uint32[2] each; one for the embeddings and three for each layer.

        Returns:
            float[batch, sequence, hidden] in the backbone's precision; float[batch, 1, hidden]
            with `first_token_only`.
        """
        backbone, layers = self._backbone, self._backbone.transformer_layers
        rate = backbone.dropout if training else 0.0
        shape = tf.shape(inputs["token_ids"])
        batch, sequence = shape[0], shape[1]
        hidden = self.kernels.dropout(self._embed(inputs, sequence), rate, next(keys))
        bias = tf.cast(1 - inputs["padding_mask"], self._dtype)[:, None, None, :] * MASKED_SCORE
        for number, layer in enumerate(layers, start=1):
            first = self._first_token_only and number == len(layers)
            hidden = self._layer(layer, hidden, bias, batch, first, rate, keys)
        return tf.reshape(hidden, [batch, -1, backbone.hidden_dim])

    def _embed(self, inputs: Mapping[str, tf.Tensor], sequence: tf.Tensor) -> tf.Tensor:
        """The normalized embeddings, [tokens, hidden]."""
        backbone = self._backbone
        tokens = tf.gather(backbone.token_embedding.embeddings.value, inputs["token_ids"])
        positions = backbone.position_embedding.position_embeddings.value[:sequence]
        # A product, since the gradient of a gather from two rows would add up one by one.
        segments = tf.one_hot(inputs["segment_ids"], backbone.num_segments) @ tf.identity(
            backbone.segment_embedding.embeddings.value
        )
        tokens, places = (
            tf.reshape(tf.cast(part, self._dtype), [-1, backbone.hidden_dim])
            for part in (tokens, positions + segments)
        )
        return self._add_norm(tokens, places, backbone.embeddings_layer_norm)

    def _layer(
        self,
        layer: keras.layers.Layer,
        hidden: tf.Tensor,
        bias: tf.Tensor,
        batch: tf.Tensor,
        first: bool,
        rate: float,
        keys: Iterator[tf.Tensor],
    ) -> tf.Tensor:
        """One layer on [tokens, hidden]; on its first token, [batch, hidden], with `first`."""
        projections = layer._self_attention_layer
        project = self._project_first if first else self._project
        query, key, value = project(projections, hidden, batch)
        context = self.kernels.attention(query, key, value, bias, rate, next(keys))
        attended = self._affine(_flat(context), *_flat_dense(projections.output_dense, 2))
        if first:
            hidden = tf.reshape(hidden, [batch, -1, self._backbone.hidden_dim])[:, 0]
        norm = layer._self_attention_layer_norm
        hidden = self._add_norm(hidden, attended, norm, rate, next(keys))
        inner = self.kernels.gelu(self._dense(hidden, layer._feedforward_intermediate_dense))
        outer = self._dense(inner, layer._feedforward_output_dense)
        return self._add_norm(hidden, outer, layer._feedforward_layer_norm, rate, next(keys))

    def _add_norm(
        self,
        residual: tf.Tensor,
        update: tf.Tensor,
        layer: keras.layers.LayerNormalization,
        rate: float = 0.0,
        key: tf.Tensor | None = None,
    ) -> tf.Tensor:
        gamma, beta = (tf.convert_to_tensor(part.value) for part in (layer.gamma, layer.beta))
        return self.kernels.add_norm(residual, update, gamma, beta, rate, key)

    def _project(
        self, attention_layer: keras.layers.MultiHeadAttention, hidden: tf.Tensor, batch: tf.Tensor
    ) -> list[tf.Tensor]:
        """Query, key and value of every token, each [batch, heads, sequence, depth]."""
        parts = ("query_dense", "key_dense", "value_dense")
        return self._heads(hidden, [getattr(attention_layer, part) for part in parts], batch)

    def _project_first(
        self, attention_layer: keras.layers.MultiHeadAttention, hidden: tf.Tensor, batch: tf.Tensor
    ) -> list[tf.Tensor]:
        """The same, with the query of the first token only."""
        first = tf.reshape(hidden, [batch, -1, self._backbone.hidden_dim])[:, 0]
        parts = [attention_layer.key_dense, attention_layer.value_dense]
        (query,) = self._heads(first, [attention_layer.query_dense], batch)
        return [query, *self._heads(hidden, parts, batch)]

    def _heads(
        self, hidden: tf.Tensor, parts: list[keras.layers.EinsumDense], batch: tf.Tensor
    ) -> list[tf.Tensor]:
        flat = [_flat_dense(part, 1) for part in parts]
        kernel = tf.concat([kernel for kernel, _ in flat], 1)
        offset = tf.concat([offset for _, offset in flat], 0)
        heads = self._backbone.num_heads
        shape = [batch, -1, len(parts), heads, self._backbone.hidden_dim // heads]
        split = tf.reshape(self._affine(hidden, kernel, offset), shape)
        return tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]), num=len(parts))

    def _dense(self, hidden: tf.Tensor, layer: keras.layers.Dense) -> tf.Tensor:
        return self._affine(hidden, layer.kernel.value, layer.bias.value)

    def _affine(self, hidden: tf.Tensor, kernel: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        kernel, offset = (tf.cast(part, self._dtype) for part in (kernel, offset))
        return self.kernels.affine(hidden, kernel, offset)


def _flat_dense(layer: keras.layers.EinsumDense, inputs: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel and bias of a projection to or from heads, as [in, out] and [out].

    Args:
        layer: one of a `MultiHeadAttention`.
        inputs: how many of the kernel's axes are of its input.
    """
    kernel = layer.kernel.value
    width = kernel.shape[:inputs].num_elements()
    return tf.reshape(kernel, [width, -1]), tf.reshape(layer.bias.value, [-1])


def _flat(context: tf.Tensor) -> tf.Tensor:
    """[batch, heads, sequence, depth] -> [tokens, hidden]."""
    width = context.shape[1] * context.shape[3]
    return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, width])
