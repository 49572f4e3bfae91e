"""Arrays to the JSON of a REST response (API page, sections 4.2, 4.5 and 4.6)."""

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from serving.server.classification import Classes
from serving.server.status import invalid_argument
from serving.server.tensors import type_name

_BYTES_SUFFIX = "_bytes"
_FULL_PRECISION = {np.dtype(np.float32): ".9g", np.dtype(np.float64): ".17g"}
_INTEGERS = tuple(
    np.dtype(name) for name in ("int8", "uint8", "int16", "int32", "uint32", "int64", "uint64")
)


def predictions(outputs: Mapping[str, np.ndarray]) -> bytes:
    """The answer in row format: a bare value per row when there is one output.

    Raises:
        StatusError: an output has no batch dimension, or another one, or a dtype JSON lacks.
    """
    aliases = sorted(outputs)
    _check_batch_sizes(outputs)
    columns = [_elements(alias, outputs[alias]) for alias in aliases]
    rows = columns[0]
    if len(aliases) > 1:
        names = [_string(alias) for alias in aliases]
        rows = [_object(names, row) for row in zip(*columns, strict=True)]
    return _encode(f'{{"predictions": [{", ".join(rows)}]}}')


def outputs_object(outputs: Mapping[str, np.ndarray]) -> bytes:
    """The answer in column format: the bare tensor when there is one output.

    Raises:
        StatusError: an output has a dtype that JSON lacks.
    """
    texts = [_tensor(alias, outputs[alias]) for alias in sorted(outputs)]
    value = texts[0] if len(texts) == 1 else _object(map(_string, sorted(outputs)), texts)
    return _encode(f'{{"outputs": {value}}}')


def classifications(classes: Classes) -> bytes:
    """The answer to classify: a list of `[label, score]` for each example."""
    labels = map(_string, classes.labels.reshape(-1).tolist())
    scores = format_floats(classes.scores.reshape(-1))
    pairs = [f"[{label}, {score}]" for label, score in zip(labels, scores, strict=True)]
    return _results(_nested(pairs, classes.labels.shape))


def regressions(values: np.ndarray) -> bytes:
    """The answer to regress, of float32[examples]."""
    return _results(format_floats(values))


def _results(texts: Iterable[str]) -> bytes:
    return _encode(f'{{"results": [{", ".join(texts)}]}}')


def _object(names: Iterable[str], values: Iterable[str]) -> str:
    members = (f"{name}: {value}" for name, value in zip(names, values, strict=True))
    return "{" + ", ".join(members) + "}"


def _check_batch_sizes(outputs: Mapping[str, np.ndarray]) -> None:
    expected = None
    for alias in sorted(outputs):
        if not outputs[alias].ndim:
            raise invalid_argument(f"Tensor name: {alias} has no shape information ")
        size = outputs[alias].shape[0]
        expected = size if expected is None else expected
        if size != expected:
            raise invalid_argument(
                f"Tensor name: {alias} has inconsistent batch size: {size} expecting: {expected}"
            )


def _tensor(alias: str, array: np.ndarray) -> str:
    if not array.ndim:
        return _values(alias, array)[0]
    return f"[{', '.join(_elements(alias, array))}]"


def _elements(alias: str, array: np.ndarray) -> list[str]:
    """The JSON of each item along the first dimension."""
    return _nested(_values(alias, array), array.shape)


def _nested(texts: list[str], shape: Sequence[int]) -> list[str]:
    """The JSON of each item along the first dimension, of those of all values."""
    for axis in range(len(shape) - 1, 0, -1):
        size, lists = shape[axis], math.prod(shape[:axis])
        texts = [f"[{', '.join(texts[i * size : (i + 1) * size])}]" for i in range(lists)]
    return texts


def _values(alias: str, array: np.ndarray) -> list[str]:
    """The JSON of each value, in row-major order."""
    flat = array.reshape(-1)
    if flat.dtype in _FULL_PRECISION:
        return format_floats(flat)
    if flat.dtype in _INTEGERS:
        return list(map(str, flat.tolist()))
    if flat.dtype == np.bool_:
        return ["true" if value else "false" for value in flat.tolist()]
    if flat.dtype == object or flat.dtype.kind in "SU":
        write: Callable[[bytes], str] = _base64 if alias.endswith(_BYTES_SUFFIX) else _string
        return [write(tf.compat.as_bytes(value)) for value in flat.tolist()]
    name = type_name(tf.dtypes.as_dtype(flat.dtype))
    raise invalid_argument(f"Failed to write JSON value for tensor type: {name}")


def format_floats(values: np.ndarray) -> list[str]:
    """Decimal texts that read back to the same float32 or float64 values.

    Six digits where they do, else nine (float32) or seventeen (float64); always with a `.` or an
    exponent.
    """
    full = _FULL_PRECISION[values.dtype]
    numbers = values.tolist()
    texts = [f"{number:g}" for number in numbers]
    with np.errstate(over="ignore"):
        exact = np.array(list(map(float, texts)), np.float64).astype(values.dtype) == values
    return [
        _with_point(text if is_exact else format(number, full))
        for text, is_exact, number in zip(texts, exact.tolist(), numbers, strict=True)
    ]


_NOT_FINITE = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _with_point(text: str) -> str:
    if "." in text or "e" in text:
        return text
    return _NOT_FINITE.get(text) or f"{text}.0"


def _string(value: bytes | str) -> str:
    text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
    return json.dumps(text, ensure_ascii=False)


def _base64(value: bytes) -> str:
    return f'{{"b64": "{base64.b64encode(value).decode()}"}}'


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
