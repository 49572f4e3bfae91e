"""One value of a parsed JSON body: its kind, its bytes, and how messages show it."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from serving.server.status import StatusError, invalid_argument

_KINDS = {type(None): "Null", str: "String", list: "Array", dict: "Object"}


def is_base64(value: Any) -> bool:
    """Whether it is an object that stands for bytes: `{"b64": "..."}` and nothing else."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def decode_base64(value: Mapping[str, Any]) -> bytes:
    """The bytes of such an object; raises StatusError when it is none, or badly encoded."""
    if not is_base64(value):
        raise invalid_argument(
            f"JSON Value: {json_text(value)} not formatted correctly for base64 data"
        )
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid_argument("Unable to base64 decode") from None


def to_bytes(text: str) -> bytes:
    """A JSON string as UTF-8; bytes that were none in the body come back as they were."""
    return text.encode("utf-8", "surrogateescape")


def kind_of(value: Any) -> str:
    """What messages call its kind: "Null", "True", "False", "Number", "String", ..."""
    if isinstance(value, bool):
        return str(value)
    return _KINDS.get(type(value), "Number")


def format_error(value: Any, problem: str) -> StatusError:
    """The value is not what its place in the request asks for."""
    return invalid_argument(f"JSON Value: {json_text(value)} {problem}")


def json_text(value: Any) -> str:
    """A JSON value as messages show it."""
    try:
        return json.dumps(value, indent=4, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to show)"
