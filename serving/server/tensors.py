"""`TensorProto` messages to NumPy arrays and back, as TensorFlow's C++ does it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.tensor_content import decode_strings, encode_strings

# dtype -> the field that holds its values, one item each.
_FIELDS = {
    tf.float32: "float_val", tf.float64: "double_val", tf.string: "string_val",
    tf.bool: "bool_val", tf.int64: "int64_val", tf.uint32: "uint32_val", tf.uint64: "uint64_val",
    tf.int32: "int_val", tf.int16: "int_val", tf.int8: "int_val",
    tf.uint16: "int_val", tf.uint8: "int_val", tf.qint8: "int_val", tf.quint8: "int_val",
    tf.qint16: "int_val", tf.quint16: "int_val", tf.qint32: "int_val",
}  # fmt: skip
_BITS_16 = (tf.float16, tf.bfloat16)  # their bits stand in half_val, as integers
_COMPLEX = {tf.complex64: "scomplex_val", tf.complex128: "dcomplex_val"}  # (real, imaginary) pairs
_TYPE_NAMES = {tf.float16: "half", tf.float32: "float", tf.float64: "double"}
_MAX_RANK = 64  # of a NumPy array; TensorFlow itself goes up to 254
# A message of a few bytes may ask for terabytes: its last value, again and again.
_MAX_FILLED_BYTES = 64 * 2**20
_ITEMS_AT_ONCE = 2**16
_STRING_BYTES = 24  # of a string in a tensor, besides its characters


class TensorParsingError(ValueError):
    """The message is no tensor: unknown rank or dtype, or content of the wrong length."""


def to_array(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """Decodes `tensor_content` or the typed field.

    Too few values: the last one is repeated (zero, or the empty string, if there is none). Too
    many: the rest is ignored. No shape: a scalar.

    Raises:
        TensorParsingError: see there.
    """
    shape = _shape(proto)
    dtype = _dtype(proto.dtype)
    size = math.prod(shape)
    if size == 0:
        return _empty(shape, dtype)
    if proto.tensor_content:
        return _from_content(proto.tensor_content, dtype, size).reshape(shape)
    return _from_field(proto, dtype, size).reshape(shape)


def to_proto(array: np.ndarray, as_content: bool = False) -> tensor_pb2.TensorProto:
    """Encodes every value in the typed field; `tensor_content` stays empty unless asked for."""
    dtype = tf.dtypes.as_dtype(array.dtype)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    proto.tensor_shape.SetInParent()  # a scalar's shape is present, and empty
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    flat = array.reshape(-1)
    if dtype == tf.string:
        values = list(map(tf.compat.as_bytes, flat.tolist()))
        if as_content:
            proto.tensor_content = encode_strings(values)
        else:
            proto.string_val.extend(values)
    elif as_content:
        proto.tensor_content = flat.tobytes()
    elif dtype in _BITS_16:
        proto.half_val.extend(flat.view(np.uint16).tolist())
    elif dtype in _COMPLEX:
        getattr(proto, _COMPLEX[dtype]).extend(flat.view(flat.real.dtype).tolist())
    elif dtype in _FIELDS:
        _extend(getattr(proto, _FIELDS[dtype]), flat)
    else:
        proto.tensor_content = flat.tobytes()
    return proto


def _extend(field: Any, flat: np.ndarray) -> None:
    """Appends a few values at a time: as Python's they take ten times the memory."""
    for start in range(0, flat.size, _ITEMS_AT_ONCE):
        field.extend(flat[start : start + _ITEMS_AT_ONCE].tolist())


def type_name(dtype: tf.DType) -> str:
    """A dtype as TensorFlow's C++ messages name it: "float", not "float32"."""
    return _TYPE_NAMES.get(dtype, dtype.name)


def type_enum_name(array: np.ndarray) -> str:
    """The dtype of an array as protobuf names it: "DT_FLOAT"."""
    return types_pb2.DataType.Name(tf.dtypes.as_dtype(array.dtype).as_datatype_enum)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as messages show it: "[2,3]"."""
    return f"[{','.join(map(str, shape))}]"


def _shape(proto: tensor_pb2.TensorProto) -> tuple[int, ...]:
    sizes = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or len(sizes) > _MAX_RANK or any(n < 0 for n in sizes):
        raise TensorParsingError(f"shape {proto.tensor_shape}")
    if math.prod(n for n in sizes if n) >= 2**63:
        raise TensorParsingError(f"shape {sizes} has more elements than fit in int64")
    return sizes


def _dtype(number: int) -> tf.DType:
    try:
        dtype = tf.dtypes.as_dtype(number)
        dtype.as_numpy_dtype  # noqa: B018 - raises for types without values, such as references
    except (TypeError, KeyError):
        raise TensorParsingError(f"dtype {number}") from None
    return dtype


def _empty(shape: tuple[int, ...], dtype: tf.DType) -> np.ndarray:
    try:
        return np.empty(shape, dtype.as_numpy_dtype)
    except ValueError:  # NumPy wants even the other dimensions to fit in memory
        raise TensorParsingError(f"shape {shape}") from None


def _from_content(content: bytes, dtype: tf.DType, size: int) -> np.ndarray:
    if dtype == tf.string:
        try:
            return _string_array(decode_strings(content, size))
        except ValueError as error:
            raise TensorParsingError(str(error)) from None
    numpy_dtype = np.dtype(dtype.as_numpy_dtype)
    if numpy_dtype.hasobject or len(content) != size * numpy_dtype.itemsize:
        raise TensorParsingError(f"{len(content)} bytes of content for {size} values of {dtype}")
    return np.frombuffer(content, numpy_dtype)


def _from_field(proto: tensor_pb2.TensorProto, dtype: tf.DType, size: int) -> np.ndarray:
    if dtype in _BITS_16:
        bits = np.array(proto.half_val[:size], np.int64).astype(np.uint16)
        return _filled(bits.view(dtype.as_numpy_dtype), size)
    if dtype in _COMPLEX:
        parts = np.array(getattr(proto, _COMPLEX[dtype])[: 2 * size])
        pairs = parts[: parts.size // 2 * 2].reshape(-1, 2)
        return _filled((pairs[:, 0] + 1j * pairs[:, 1]).astype(dtype.as_numpy_dtype), size)
    if dtype not in _FIELDS:
        raise TensorParsingError(f"dtype {dtype.name} has no values on the wire")
    values = getattr(proto, _FIELDS[dtype])[:size]
    if dtype == tf.string:
        return _filled(_string_array(values), size)
    if _FIELDS[dtype] == "int_val":  # int32 on the wire: narrower types wrap
        return _filled(np.array(values, np.int32).astype(dtype.as_numpy_dtype), size)
    return _filled(np.array(values, dtype.as_numpy_dtype), size)


def _filled(values: np.ndarray, size: int) -> np.ndarray:
    if values.size == size:
        return values
    if size * max(values.itemsize, _STRING_BYTES * values.dtype.hasobject) > _MAX_FILLED_BYTES:
        raise TensorParsingError(f"{values.size} values for {size} elements")
    if values.size == 0:
        return np.full(size, b"" if values.dtype == object else 0, values.dtype)
    return np.concatenate([values, np.repeat(values[-1:], size - values.size)])


def _string_array(values: Sequence[bytes]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array
