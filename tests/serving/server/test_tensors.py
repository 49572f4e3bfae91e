"""TensorProto and JSON of arrays, against TensorFlow's own functions: sections 2.1 and 4.2."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from serving.server import json_answers, tensors


@pytest.mark.parametrize("dtype", [
    tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.uint8, tf.int16, tf.uint16,
    tf.int32, tf.uint32, tf.int64, tf.uint64, tf.bool, tf.complex64, tf.complex128,
], ids=lambda dtype: dtype.name)  # fmt: skip
def test_2_1_values_travel_in_fields_and_in_content(dtype):
    array = tf.cast(tf.constant([[0, 1, 2], [1, 0, 3]]), dtype).numpy()
    written = tensors.to_proto(array)
    assert not written.tensor_content
    for proto in (written, tensors.to_proto(array, as_content=True), tf.make_tensor_proto(array)):
        np.testing.assert_array_equal(tf.make_ndarray(proto), array)
        found = tensors.to_array(proto)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


def test_2_1_strings_in_content_have_their_lengths_first():
    # The layout of tensorflow/core/lib/strings/proto_serialization: varints, then the bytes.
    content = bytes([2, 0, 0xC8, 0x01]) + b"ab" + b"x" * 200
    proto = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum, tensor_content=content)
    proto.tensor_shape.dim.add(size=3)
    assert tensors.to_array(proto).tolist() == [b"ab", b"", b"x" * 200]
    written = tensors.to_proto(np.array([b"ab", b"", b"x" * 200], object), as_content=True)
    assert written == proto
    proto.tensor_content = content[:-1]
    with pytest.raises(tensors.TensorParsingError):
        tensors.to_array(proto)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (np.array([3, 2.1, 9e6, 1e-5, 0.1, 16777217], np.float32),
         ["3.0", "2.1", "9e+06", "1e-05", "0.1", "16777216.0"]),
        (np.array([3, 2.1, 1 / 3]), ["3.0", "2.1", "0.33333333333333331"]),
        (np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0], np.float32),
         ["NaN", "NaN", "Infinity", "-Infinity", "-0.0"]),
    ],
)  # fmt: skip
def test_4_2_float_texts(values, texts):
    assert json_answers.format_floats(values) == texts


@given(st.lists(st.floats(width=32, allow_nan=False)), st.lists(st.floats(allow_nan=False)))
def test_4_2_float_texts_read_back_to_the_same_value(singles, doubles):
    for values in (np.array(singles, np.float32), np.array(doubles, np.float64)):
        texts = json_answers.format_floats(values)
        back = np.array([float(text) for text in texts], np.float64).astype(values.dtype)
        np.testing.assert_array_equal(back, values)
        assert all("." in text or "e" in text or "Inf" in text for text in texts)
