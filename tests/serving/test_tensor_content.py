"""Content that TensorFlow reads as well, read without it."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.errors import InvalidResponse
from serving.grpc_messages import GrpcMessages
from serving.protocol import PredictResponse
from serving.server import tensors
from serving.transport import ModelRef, drive

DTYPES = [
    tf.float32, tf.float64, tf.float16, tf.bool, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8,
    tf.uint16, tf.uint32, tf.uint64,
]  # fmt: skip


def answered(alias, proto):
    """What the client makes of an output."""
    response = PredictResponse()
    response.outputs[alias].ParseFromString(proto.SerializeToString())
    return drive(GrpcMessages().predict(ModelRef("m"), {}, ""), lambda request: response)[alias]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_numbers(dtype):
    array = np.array([[0, 1, 0.5], [1, 0, 100]]).astype(dtype.as_numpy_dtype)
    proto = tensors.to_proto(array, as_content=True)
    np.testing.assert_array_equal(tf.make_ndarray(proto), array)
    assert answered("y", proto) == array.tolist()


def test_strings_as_our_server_writes_them():
    array = np.array([["ab", ""], ["é" * 100, "x" * 20_000]], object)
    proto = tensors.to_proto(array, as_content=True)
    assert not proto.string_val
    assert answered("y", proto) == array.tolist()
    assert answered("y_bytes", proto)[1][0] == ("é" * 100).encode()


@pytest.mark.parametrize(
    ("dtype", "content"),
    [(tf.float32, b"\0" * 7), (tf.string, b"\x05ab"), (tf.string, b"\x81"), (tf.bfloat16, b"\0\0")],
    ids=["numbers", "strings", "lengths", "dtype"],
)
def test_content_that_cannot_be(dtype, content):
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, tensor_content=content)
    proto.tensor_shape.dim.add(size=1)
    with pytest.raises(InvalidResponse, match="m: output y: "):
        answered("y", proto)
