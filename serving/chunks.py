"""Rows through the encoder in chunks of like length, inside the graph."""

from collections.abc import Callable, Sequence

import tensorflow as tf

# Tokens with padding that the encoder is given at once; at least one row. What it needs of memory
# grows with them, and a large chunk is not faster (`benchmarks/README.md`).
CHUNK_TOKENS = 2048
# Rows are padded to a multiple of it: TensorFlow's CPU kernels are built, and kept, for each shape.
LENGTH_STEP = 8
# One computes what the other leaves of the cores between its products; each needs its memory.
CHUNKS_AT_ONCE = 2


def in_chunks(
    compute: Callable[[tf.Tensor, tf.Tensor], Sequence[tf.Tensor]],
    lengths: tf.Tensor,
    max_length: int,
    outputs: Sequence[tf.TensorSpec],
) -> list[tf.Tensor]:
    """Computes the longest rows first, as many at once as `CHUNK_TOKENS` has room for.

    So the memory does not grow with the number of rows, and a short row is not padded to the
    length of a long one.

    Args:
        compute: int32[chunk], numbers of rows, and int32[], the length that they are to be padded
            to -> tensors [chunk, …].
        lengths: int32[rows], tokens of each row, at least 1.
        max_length: what no row is longer than, nor is padded beyond.
        outputs: dtype and shape of one row of each tensor.

    Returns:
        The tensors of all rows, [rows, …], in the order of `lengths`.
    """
    count = tf.size(lengths)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)

    def add_chunk(begin: tf.Tensor, *tables: tf.Tensor) -> tuple[tf.Tensor, ...]:
        longest = lengths[order[begin]]
        padded = tf.minimum((longest + LENGTH_STEP - 1) // LENGTH_STEP * LENGTH_STEP, max_length)
        end = tf.minimum(begin + tf.maximum(CHUNK_TOKENS // padded, 1), count)
        rows = order[begin:end]
        updated = (
            tf.tensor_scatter_nd_update(table, rows[:, tf.newaxis], values)
            for table, values in zip(tables, compute(rows, padded), strict=True)
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
