"""JSON to arrays in this process; what clients see of it is in test_rest_predict.py."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server import json_tensors


def array_of(document: dict, dtype: tf.DType) -> np.ndarray:
    inputs = {"x": meta_graph_pb2.TensorInfo(dtype=dtype.as_datatype_enum)}
    return json_tensors.from_request(document, inputs, "")[0]["x"]


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2.5], tf.float32, np.array([1, 2.5], np.float32)),
        ([[1e300], [-(10**40)]], tf.float32, np.array([[np.inf], [-np.inf]], np.float32)),
        ([2**70, 0.1], tf.float64, np.array([2.0**70, 0.1])),
        ([[[1], [2], [3]]], tf.int64, np.array([[[1], [2], [3]]])),
        ([-(2**31), 300], tf.int8, np.array([0, 44], np.int8)),
        ([[], []], tf.float32, np.zeros((2, 0), np.float32)),
        (["a", "é\udcff"], tf.string, np.array([b"a", b"\xc3\xa9\xff"], object)),
    ],
    ids=["numbers", "beyond-float32", "double", "rank-3", "wraps", "empty", "strings"],
)
def test_plain_values_are_not_read_one_by_one(monkeypatch, key, value, dtype, expected):
    monkeypatch.setattr(json_tensors, "_fill", lambda *_: pytest.fail("one by one"))
    found = array_of({key: value}, dtype)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1.0, True], tf.float32),
        ([1.0, "a"], tf.float32),
        ([1, 2.0], tf.int32),
        ([1, 2**31], tf.int32),
        ([True, 1], tf.bool),
        (["a", 1], tf.string),
        ([[1.0], 2.0], tf.float32),
        ([[1.0], [2.0, 3.0]], tf.float32),
        ([[[1.0]], [2.0]], tf.float32),
        ([[]], tf.float16),
        ([None], tf.float32),
    ],
)
def test_what_is_not_plain_is_looked_at_one_by_one(value, dtype):
    assert json_tensors._regular(value, dtype) is None
