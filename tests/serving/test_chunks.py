"""Rows in chunks: each exactly once, the longest first, never more tokens than there is room."""

import pytest
import tensorflow as tf

from serving import chunks

SPECS = [tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.float32)]


def chunks_of(lengths, max_length=20):
    """The rows of each chunk and what they are padded to, and the outputs."""
    seen = []

    def compute(rows, padded):
        seen.append((rows.numpy().tolist(), int(padded)))
        pairs = tf.stack([rows, -rows], axis=1)
        return [rows * 10, tf.cast(pairs, tf.float32)]

    outputs = chunks.in_chunks(compute, tf.constant(lengths, tf.int32), max_length, SPECS)
    return seen, [output.numpy().tolist() for output in outputs]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        pytest.param([], [], id="no-row"),
        pytest.param([5], [[0]], id="one-row"),
        pytest.param([3, 5, 4], [[1, 2], [0]], id="two-of-at-most-5-fit-into-10"),
        pytest.param([11, 2, 2, 2, 2, 2, 2], [[0], [1, 2, 3, 4, 5], [6]], id="longer-than-a-chunk"),
        pytest.param([2, 10, 2], [[1], [0, 2]], id="a-long-one-alone"),
    ],
)
def test_rows_are_in_chunks_of_like_length(monkeypatch, lengths, expected):
    monkeypatch.setattr(chunks, "CHUNK_TOKENS", 10)
    monkeypatch.setattr(chunks, "LENGTH_STEP", 1)
    seen, outputs = chunks_of(lengths)
    assert [rows for rows, _ in seen] == expected
    assert [padded for _, padded in seen] == [lengths[rows[0]] for rows in expected]
    rows = range(len(lengths))
    assert outputs == [[row * 10 for row in rows], [[row, -row] for row in rows]]


@pytest.mark.parametrize(
    ("lengths", "max_length", "expected"),
    [
        pytest.param([8, 1], 20, [([0, 1], 8)], id="a-multiple-stays"),
        pytest.param([1], 20, [([0], 8)], id="one-token"),
        pytest.param([9, 2, 2], 20, [([0, 1], 16), ([2], 8)], id="room-counts-the-padding"),
        pytest.param([17, 17], 20, [([0], 20), ([1], 20)], id="not-beyond-the-longest-allowed"),
    ],
)
def test_rows_are_padded_to_multiples_of_eight(monkeypatch, lengths, max_length, expected):
    monkeypatch.setattr(chunks, "CHUNK_TOKENS", 32)
    seen, _ = chunks_of(lengths, max_length)
    assert seen == expected
