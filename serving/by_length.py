"""A padded batch in parts of texts of like length, inside the graph.

A batch is as long as its longest text, so most of it can be padding. Sorted, and cut into parts
that are each as long as their own longest text, it has little; and a part is small enough for its
activations to stay in the processor's cache, and for a request of any size to need no more memory
than two parts.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

PARTS_AT_ONCE = 2  # one computes what the other leaves of the cores between its products
TOKENS = 2048  # of a part, with padding: some 3 MB of hidden states in float32 for 384 units

# (token_ids, segment_ids int32[rows, length], lengths int32[rows]) -> float32[rows, *row_shape]
OfPart = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def by_length(
    of_part: OfPart,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    lengths: tf.Tensor,
    row_shape: Sequence[int | tf.Tensor],
    tokens: int = TOKENS,
) -> tf.Tensor:
    """What a function gives for each row, computed part by part.

    Args:
        of_part: a function whose rows do not depend on each other, nor on padding.
        token_ids: int32[batch, sequence].
        segment_ids: int32[batch, sequence].
        lengths: int32[batch]; what follows a row's length is padding.
        row_shape: of the function's output, without the rows.
        tokens: the most that a part has, with padding, unless one row alone is longer.

    Returns:
        float32[batch, *row_shape], in the order of the batch.
    """
    order = tf.argsort(lengths, direction="DESCENDING")
    descending = tf.maximum(tf.gather(lengths, order), 1)

    def part(start: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        longest = descending[start]
        end = start + tf.maximum(tokens // longest, 1)
        rows = order[start:end]
        found = of_part(
            tf.gather(token_ids, rows)[:, :longest],
            tf.gather(segment_ids, rows)[:, :longest],
            tf.gather(lengths, rows),
        )
        return end, tf.concat([done, found], axis=0)

    nothing = tf.zeros([0, *row_shape], tf.float32)
    _, found = tf.while_loop(
        lambda start, _: start < tf.size(lengths),
        part,
        (tf.constant(0), nothing),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, *nothing.shape[1:]])),
        parallel_iterations=PARTS_AT_ONCE,
    )
    return tf.gather(found, tf.math.invert_permutation(order))
