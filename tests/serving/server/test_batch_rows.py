"""Inputs joined and outputs cut, section 7 of the API page."""

import numpy as np
import pytest

from serving.server import batch_rows
from serving.server.status import Code, StatusError


def floats(*rows):
    return np.array(rows, np.float32)


def texts(*rows):
    return np.array([row.encode() for row in rows], object)


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({}, "Batching Run() must have at least one input tensor"),
        ({"a": np.float32(1)}, "Batching Run() input tensors must have at least one dimension"),
        ({"a": floats(1), "b": floats(1, 2)},
         "Batching Run() input tensors must have equal 0th-dimension size"),
    ],
    ids=["no-input", "scalar", "sizes"],
)  # fmt: skip
def test_7_inputs_that_cannot_be_in_a_batch(feeds, message):
    feeds = {name: np.asarray(value) for name, value in feeds.items()}
    with pytest.raises(StatusError) as caught:
        batch_rows.count_rows(feeds)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)


def test_7_rows_are_joined_in_order_for_every_input():
    joined = batch_rows.join(
        [{"a:0": floats(1, 2), "t:0": texts("x", "y")}, {"a:0": floats(3), "t:0": texts("z")}],
        size=3, pad=False,
    )  # fmt: skip
    assert joined["a:0"].tolist() == [1, 2, 3]
    assert joined["t:0"].tolist() == [b"x", b"y", b"z"]
    assert (joined["a:0"].dtype, joined["t:0"].dtype) == (np.float32, object)


def test_7_surplus_rows_are_copies_of_a_row():
    joined = batch_rows.join([{"a": floats(1, 2)}, {"a": floats(3, 4)}], size=7, pad=False)
    assert joined["a"].tolist() == [1, 2, 3, 4, 3, 3, 3]


def test_7_different_shapes_without_padding():
    parts = [{"x:0": floats([1, 2])}, {"x:0": floats([1, 2, 3])}]
    with pytest.raises(StatusError) as caught:
        batch_rows.join(parts, size=2, pad=False)
    assert caught.value.code == Code.FAILED_PRECONDITION
    assert caught.value.message.startswith(
        "Tensors with name 'x' from different tasks have different shapes and padding is turned "
        "off. Set pad_variable_length_inputs to true, "
    )


def test_7_padding_is_at_the_end_with_the_inputs_own_first_element():
    joined = batch_rows.join([{"x": floats([7, 8, 9])}, {"x": floats([4], [5])}], 3, pad=True)
    assert joined["x"].tolist() == [[7, 8, 9], [4, 4, 4], [5, 4, 4]]


def test_7_padding_in_more_dimensions():
    joined = batch_rows.join([{"x": floats([[1, 2]])}, {"x": floats([[3], [4]])}], 2, pad=True)
    assert joined["x"].tolist() == [[[1, 2], [1, 1]], [[3, 3], [4, 3]]]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([np.zeros((1,) * 7, np.float32)], "Only tensors with rank from 1 to 6 can be padded."),
        ([np.zeros((1, 0), np.float32), np.zeros((1, 2), np.float32)],
         "Got empty tensor in batch of non-empty tensors."),
    ],
    ids=["rank-7", "empty"],
)  # fmt: skip
def test_7_inputs_that_cannot_be_padded(parts, message):
    with pytest.raises(StatusError) as caught:
        batch_rows.join([{"x": part} for part in parts], len(parts), pad=True)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)


def test_7_outputs_are_cut_and_the_surplus_dropped():
    outputs = [floats(1, 2, 3, 4), floats([1], [2], [3], [4])]
    first, second = batch_rows.split(outputs, [2, 1], batch_size=4)
    assert [part.tolist() for part in first] == [[1, 2], [[1], [2]]]
    assert [part.tolist() for part in second] == [[3], [[3]]]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.float32(1), "Batched output tensor has 0 dimensions"),
        (floats(1, 2), "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                       "dimension sizes of the input tensors"),
    ],
    ids=["scalar", "size"],
)  # fmt: skip
def test_7_outputs_that_cannot_be_cut(output, message):
    with pytest.raises(StatusError) as caught:
        batch_rows.split([np.asarray(output)], [1, 2], batch_size=3)
    assert (caught.value.code, caught.value.message) == (Code.FAILED_PRECONDITION, message)


def test_the_longest_row_counts_all_its_texts():
    feeds = {"question": texts("ab", "a"), "context": texts("abc", "abcdé"), "n": floats(1, 2)}
    assert batch_rows.longest_row(feeds) == 7  # "a" and the 6 bytes of "abcdé"
    assert batch_rows.longest_row({"n": floats(1)}) == 0
