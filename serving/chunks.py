"""Rows through the encoder in chunks of like length, inside the graph."""

from collections.abc import Callable, Sequence

import tensorflow as tf

# Tokens with padding that the encoder is given at once; at least one row. What it needs of memory
# grows with them, and a large chunk is not faster (`benchmarks/README.md`).
CHUNK_TOKENS = 2048
# One computes what the other leaves of the cores between its products; each needs its memory.
CHUNKS_AT_ONCE = 2


def in_chunks(
    compute: Callable[[tf.Tensor], Sequence[tf.Tensor]],
    lengths: tf.Tensor,
    outputs: Sequence[tf.TensorSpec],
) -> list[tf.Tensor]:
    """Computes the longest rows first, as many at once as `CHUNK_TOKENS` has room for.

    So the memory does not grow with the number of rows, and a short row is not padded to the
    length of a long one.

    Args:
        compute: int32[chunk], numbers of rows -> tensors [chunk, …].
        lengths: int32[rows], tokens of each row, at least 1.
        outputs: dtype and shape of one row of each tensor.

    Returns:
        The tensors of all rows, [rows, …], in the order of `lengths`.
    """
    count = tf.size(lengths)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)

    def add_chunk(begin: tf.Tensor, *tables: tf.Tensor) -> tuple[tf.Tensor, ...]:
        fit = tf.maximum(CHUNK_TOKENS // lengths[order[begin]], 1)
        end = tf.minimum(begin + fit, count)
        rows = order[begin:end]
        updated = (
            tf.tensor_scatter_nd_update(table, rows[:, tf.newaxis], values)
            for table, values in zip(tables, compute(rows), strict=True)
        )
        return end, *updated

    tables = [tf.zeros([count, *spec.shape], spec.dtype) for spec in outputs]
    loop = tf.while_loop(
        lambda begin, *_: begin < count,
        add_chunk,
        (tf.constant(0), *tables),
        parallel_iterations=CHUNKS_AT_ONCE,
    )
    return list(loop[1:])
