"""Parts of like length give what the whole batch gives, in its order."""

import numpy as np
import pytest
import tensorflow as tf

from serving.by_length import by_length

TOKEN_IDS = np.arange(1, 41, dtype=np.int32).reshape(5, 8)  # row i: 8 i + 1 … 8 i + 8
SEGMENT_IDS = np.ones_like(TOKEN_IDS)
LENGTHS = np.array([2, 8, 1, 0, 3], np.int32)


class SumOfTokens:
    """The sum of each row's tokens, which keeps the shapes that it was given."""

    def __init__(self):
        self.shapes = []

    def __call__(self, token_ids, segment_ids, lengths):
        self.shapes.append(tuple(token_ids.shape))
        is_token = tf.sequence_mask(lengths, tf.shape(token_ids)[1], tf.int32)
        return tf.cast(tf.reduce_sum(token_ids * segment_ids * is_token, axis=1), tf.float32)


def test_rows_come_in_the_order_of_the_batch():
    found = by_length(SumOfTokens(), TOKEN_IDS, SEGMENT_IDS, LENGTHS, [])
    # 1+2; 9+…+16; 17; nothing; 33+34+35
    np.testing.assert_array_equal(found, [3, 100, 17, 0, 102])


@pytest.mark.parametrize(
    ("tokens", "shapes"),
    [
        pytest.param(100, [(5, 8)], id="one-part"),
        pytest.param(9, [(1, 8), (3, 3), (1, 1)], id="short-rows-together"),
        pytest.param(1, [(1, 8), (1, 3), (1, 2), (1, 1), (1, 1)], id="row-longer-than-a-part"),
    ],
)
def test_parts_are_as_long_as_their_longest_row(tokens, shapes):
    function = SumOfTokens()
    found = by_length(function, TOKEN_IDS, SEGMENT_IDS, LENGTHS, [], tokens=tokens)
    assert function.shapes == shapes
    np.testing.assert_array_equal(found, [3, 100, 17, 0, 102])


@pytest.mark.parametrize("row_shape", [[], [2, 8]], ids=str)
def test_no_rows(row_shape):
    none = np.zeros([0, 8], np.int32)
    found = by_length(SumOfTokens(), none, none, np.zeros([0], np.int32), row_shape)
    assert found.shape == (0, *row_shape)
