"""`instances` and `inputs` of a REST predict request to arrays (API page, sections 4.2, 4.4)."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.json_values import (
    decode_base64,
    format_error,
    is_base64,
    json_text,
    kind_of,
    to_bytes,
)
from serving.server.status import Code, StatusError, invalid_argument
from serving.server.tensors import shape_text, type_name

_FLOATS = (tf.float32, tf.float64)
# dtype -> the range of integer tokens it takes; narrow ones take any int32, and wrap.
_INT32 = (-(2**31), 2**31 - 1)
_INTEGERS = {
    tf.int32: _INT32, tf.int16: _INT32, tf.int8: _INT32, tf.uint8: _INT32,
    tf.int64: (-(2**63), 2**63 - 1), tf.uint32: (0, 2**32 - 1), tf.uint64: (0, 2**64 - 1),
}  # fmt: skip
_WIRE_TYPES = {tf.int16: np.int32, tf.int8: np.int32, tf.uint8: np.int32}
_MAX_RANK = 63  # NumPy's 64, less the batch dimension; TensorFlow itself goes up to 254

Inputs = Mapping[str, meta_graph_pb2.TensorInfo]  # alias -> what the signature says


def from_request(document: Any, inputs: Inputs, signature_name: str) -> tuple[dict, bool]:
    """The input arrays of a parsed request.

    Args:
        document: the JSON object.
        inputs: those of the signature.
        signature_name: as it was asked for; "" for the default.

    Returns:
        The arrays by alias, and whether the request is in row format (`instances`).

    Raises:
        StatusError: INVALID_ARGUMENT, or UNIMPLEMENTED for a dtype that JSON cannot carry.
    """
    if not inputs:
        name = signature_name or "DEFAULT"
        raise invalid_argument(f"Failed to get input map for signature: {name}")
    if "instances" in document and "inputs" in document:
        raise format_error(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    if "instances" in document:
        instances = document["instances"]
        if not isinstance(instances, list):
            raise format_error(document, "Expecting 'instances' to be an list/array")
        if not instances:
            raise format_error(document, "No values in 'instances' array")
        return _from_rows(instances, inputs), True
    if "inputs" in document:
        return _from_columns(document["inputs"], inputs), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


class _Column:
    """The values of one input, gathered row by row."""

    def __init__(self, alias: str, dtype: tf.DType):
        self.alias, self.dtype = alias, dtype
        self.values: list[Any] = []
        self.row_shape: tuple[int, ...] | None = None  # that of the first row
        self.row_size = 0

    def add_row(self, value: Any) -> None:
        shape = _shape_of(value, self.alias)
        size = len(self.values)
        _fill(value, 0, shape, _reader(self.dtype), self.values)
        size = len(self.values) - size
        if self.row_shape is None:
            self.row_shape, self.row_size = shape, size
        elif size != self.row_size:
            raise invalid_argument(f"Expecting tensor size: {self.row_size} but got: {size}")
        elif shape != self.row_shape:
            raise invalid_argument(
                f"Expecting shape {shape_text(self.row_shape)} but got: {shape_text(shape)}"
            )

    def array(self, rows: int) -> np.ndarray:
        return _array(self.values, (rows, *(self.row_shape or ())), self.dtype)


def _from_rows(instances: Sequence[Any], inputs: Inputs) -> dict[str, np.ndarray]:
    if not isinstance(instances[0], dict) and len(inputs) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    columns = {alias: _Column(alias, _dtype(inputs[alias])) for alias in sorted(inputs)}
    if _is_named(instances[0]):
        _add_named_rows(instances, columns)
    else:
        columns = dict(list(columns.items())[:1])
        (column,) = columns.values()
        if (array := _regular(instances, column.dtype)) is not None:
            return {column.alias: array}
        _add_plain_rows(instances, column)
    return {alias: column.array(len(instances)) for alias, column in columns.items()}


def _add_named_rows(instances: Sequence[Any], columns: Mapping[str, _Column]) -> None:
    for number, element in enumerate(instances):
        if not _is_named(element):
            raise invalid_argument(f"Expecting object but got list at item {number} of input list")
        for alias, value in element.items():
            try:
                if alias not in columns:
                    raise invalid_argument(f"JSON object: does not have named input: {alias}")
                columns[alias].add_row(value)
            except StatusError as error:
                raise invalid_argument(
                    f"Failed to process element: {number} key: {alias} of 'instances' list. "
                    f"Error: {error}"
                ) from None
        if element.keys() != columns.keys():
            raise invalid_argument(
                f"Failed to process element: {number} of 'instances' list. JSON object: "
                f"{json_text(element)} keys must be equal to: {','.join(columns)}"
            )


def _add_plain_rows(instances: Sequence[Any], column: _Column) -> None:
    for number, element in enumerate(instances):
        if _is_named(element):
            raise invalid_argument(
                f"Expecting value/list but got object at item {number} of input list"
            )
        try:
            column.add_row(element)
        except StatusError as error:
            raise invalid_argument(
                f"Failed to process element: {number} of 'instances' list. Error: {error}"
            ) from None


def _from_columns(value: Any, inputs: Inputs) -> dict[str, np.ndarray]:
    if not _is_named(value):
        if len(inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        value = {next(iter(inputs)): value}
    arrays = {}
    for alias in sorted(inputs):
        if alias not in value:
            raise invalid_argument(f"Missing named input: {alias} in 'inputs' object.")
        arrays[alias] = _tensor(value[alias], alias, _dtype(inputs[alias]))
    return arrays


def _tensor(value: Any, alias: str, dtype: tf.DType) -> np.ndarray:
    if (array := _regular(value, dtype)) is not None:
        return array
    shape = _shape_of(value, alias)
    values: list[Any] = []
    _fill(value, 0, shape, _reader(dtype), values)
    return _array(values, shape, dtype)


def _dtype(info: meta_graph_pb2.TensorInfo) -> tf.DType:
    return tf.dtypes.as_dtype(info.dtype)


def _shape_of(value: Any, alias: str) -> tuple[int, ...]:
    """The shape that the first item of each list suggests."""
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        if len(sizes) > _MAX_RANK:  # also bounds the recursion of _fill
            raise invalid_argument(f"tensor parsing error: {alias}")
        if not value:
            break
        value = value[0]
    return tuple(sizes)


def _regular(value: Any, dtype: tf.DType) -> np.ndarray | None:
    """The array of lists whose values are all plain and of the right kind, one level at a time.

    None: it is something else, or wrong. `_fill` takes 3 to 20 times as long, and finds out.
    """
    if not isinstance(value, list):
        return None
    level, shape = value, [len(value)]
    while (kinds := set(map(type, level))) == {list} and len(shape) < _MAX_RANK:
        sizes = set(map(len, level))
        if len(sizes) > 1:
            return None
        level = list(itertools.chain.from_iterable(level))
        shape += sizes
    if dtype in _FLOATS and kinds <= {int, float}:
        return _array(list(map(float, level)), tuple(shape), dtype)
    if dtype in _INTEGERS and kinds == {int}:
        low, high = _INTEGERS[dtype]
        fits = low <= min(level) <= max(level) <= high
        return _array(level, tuple(shape), dtype) if fits else None
    if dtype == tf.string and kinds == {str}:
        return _array(list(map(to_bytes, level)), tuple(shape), dtype)
    return None


def _fill(
    value: Any, level: int, shape: tuple[int, ...], read: Callable[[Any], Any], out: list[Any]
) -> None:
    """Appends the values below `value` to `out`, checking that they fit the shape."""
    rank = len(shape)
    if not isinstance(value, list):
        if level != rank:
            raise invalid_argument(
                f"JSON Value: {json_text(value)} found at incorrect level: {level + 1} in the JSON "
                f"DOM. Expected at level: {rank}"
            )
        out.append(read(value))
        return
    if level >= rank:
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {rank}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: "
            f"{shape[level]}"
        )
    for item in value:
        _fill(item, level + 1, shape, read, out)


def _reader(dtype: tf.DType) -> Callable[[Any], Any]:
    """A function from one JSON value to a Python value that fits the dtype."""

    def refuse(value: Any) -> StatusError:
        return invalid_argument(
            f"JSON Value: {json_text(value)} Type: {kind_of(value)} is not of expected type: "
            f"{type_name(dtype)}"
        )

    def read_float(value: Any) -> float:
        if type(value) not in (int, float):
            raise refuse(value)
        return float(value)

    def read_integer(value: Any) -> int:
        low, high = _INTEGERS[dtype]
        if type(value) is not int or not low <= value <= high:
            raise refuse(value)
        return value

    def read_bool(value: Any) -> bool:
        if type(value) is not bool:
            raise refuse(value)
        return value

    def read_string(value: Any) -> bytes:
        if isinstance(value, dict):
            return decode_base64(value)
        if not isinstance(value, str):
            raise refuse(value)
        return to_bytes(value)

    def read_nothing(value: Any) -> Any:
        if isinstance(value, dict):
            raise refuse(value)
        raise StatusError(
            Code.UNIMPLEMENTED,
            f"Conversion of JSON Value: {json_text(value)} to type: {type_name(dtype)}",
        )

    if dtype in _FLOATS:
        return read_float
    if dtype in _INTEGERS:
        return read_integer
    return {tf.bool: read_bool, tf.string: read_string}.get(dtype, read_nothing)


def _array(values: list[Any], shape: tuple[int, ...], dtype: tf.DType) -> np.ndarray:
    if dtype == tf.string:
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(shape)
    wire_type = _WIRE_TYPES.get(dtype, np.float64 if dtype in _FLOATS else dtype.as_numpy_dtype)
    with np.errstate(over="ignore"):  # beyond float32 is infinity, and no warning
        return np.array(values, wire_type).astype(dtype.as_numpy_dtype).reshape(shape)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)
