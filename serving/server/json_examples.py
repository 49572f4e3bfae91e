"""`context` and `examples` of a REST classify or regress request (API page, section 4.6)."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import input_pb2

from serving.server.json_values import decode_base64, format_error, is_base64, kind_of, to_bytes
from serving.server.status import invalid_argument

_INT64 = range(-(2**63), 2**63)
_64_BITS = range(-(2**63), 2**64)  # signed or not


def from_request(document: Mapping[str, Any]) -> input_pb2.Input:
    """The examples of a parsed request, with its context if it has one.

    Raises:
        StatusError: they are not as they should be.
    """
    result = input_pb2.Input()
    listed = result.example_list
    if "context" in document:
        listed = result.example_list_with_context
        listed.context.CopyFrom(_example(document["context"]))
    listed.examples.extend(map(_example, _list_of_examples(document)))
    return result


def _list_of_examples(document: Mapping[str, Any]) -> list[Any]:
    if "examples" not in document:
        raise format_error(
            document, "When method is classify, key 'examples' is expected and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise format_error(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise format_error(document, "'examples' value is an empty array")
    return examples


def _example(value: Any) -> tf.train.Example:
    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {kind_of(value)}")
    features = {name: _feature(name, content) for name, content in value.items()}
    try:
        return tf.train.Example(features=tf.train.Features(feature=features))
    except UnicodeEncodeError:
        raise invalid_argument("Example has a feature whose name is not UTF-8") from None


def _feature(name: str, content: Any) -> tf.train.Feature:
    feature = tf.train.Feature()
    for value in content if isinstance(content, list) else [content]:
        kind = _kind(name, value)
        earlier = feature.WhichOneof("kind")
        if earlier not in (None, kind):
            raise invalid_argument(
                f"Unexpected element type in feature: {name} expecting type: "
                f"{earlier.removesuffix('_list')}"
            )
        getattr(feature, kind).value.append(_READERS[kind](name, value))
    return feature


def _kind(name: str, value: Any) -> str:
    """The field of a Feature that a JSON token belongs to; 2 and 2.0 differ."""
    if isinstance(value, str) or is_base64(value):
        return "bytes_list"
    if isinstance(value, int) and value in _64_BITS:
        return "int64_list"
    if isinstance(value, int | float):  # an integer beyond 64 bits is read as a double
        return "float_list"
    raise invalid_argument(
        f"Feature: {name} has element with unexpected JSON type: {kind_of(value)}"
    )


def _int64(name: str, value: int) -> int:
    if value not in _INT64:
        raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    return int(value)  # of a boolean too


def _bytes(name: str, value: Any) -> bytes:
    return to_bytes(value) if isinstance(value, str) else decode_base64(value)


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "bytes_list": _bytes,
    "float_list": lambda name, value: float(value),
    "int64_list": _int64,
}
