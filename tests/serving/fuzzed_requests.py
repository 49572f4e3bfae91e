"""Requests that are nearly right, and some that are not at all, as hypothesis makes them."""

import copy
import gzip
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tests.serving.example_requests import (
    CLASSIFY,
    REGRESS,
    classification,
    example,
    multi_inference,
    regression,
)
from tests.serving.server_process import predict_request

MODELS = ("workbench", "examples_tf1", "examples_tf2", "sentiment", "qa", "no_inputs")
# All that mean something somewhere in a request; "slow" is left out, as it may run for hours.
NAMES = (
    *MODELS, "serving_default", "two", "optional", "text", "total", "parse", "echo_int64",
    "echo_string", "echo_bfloat16", "classify", "classify_scores", "regress", "a", "b", "x",
    "inputs", "question", "context", "sum", "signature_def", CLASSIFY, REGRESS, "", "nope",
)  # fmt: skip
INTEGERS = (-(2**63), -(2**31), -1, 0, 1, 2, 3, 7, 64, 123, 2**31 - 1, 2**33, 2**62, 2**63 - 1)

names = st.sampled_from(NAMES) | st.text(max_size=8)
payloads = st.sampled_from((
    b"", b"text", b"\xff\xfe", b"\0" * 8, example(x=1.0).SerializeToString(),
    example(x=1, y=b"\xff").SerializeToString(),
)) | st.binary(max_size=16)  # fmt: skip


class GrpcRequest(NamedTuple):
    """The bytes of a call, and the message that they should be."""

    method: str  # "PredictionService/Predict"
    kind: type[Message]
    data: bytes


class RestRequest(NamedTuple):
    """An HTTP request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def _metadata(field: str) -> Message:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[field])
    request.model_spec.name = "workbench"
    return request


def _status() -> Message:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name, request.model_spec.version.value = "workbench", 123
    return request


def _with_context(request: Message) -> Message:
    request.input.example_list_with_context.context.CopyFrom(example(x=3.0))
    request.input.example_list_with_context.examples.append(example(x=2.0))
    return request


X = example(x=2.0, y=[b"a", b"b"], z=7)
SEEDS = {
    "PredictionService/Predict": [
        predict_request("workbench", a=[1.0, 2.0]),
        predict_request("workbench", "two", a=[[1.0]], b=2.0),
        predict_request("workbench", "text", text=[b"a", b"\xff"]),
        predict_request("workbench", "parse", inputs=[X.SerializeToString()]),
        predict_request("workbench", "echo_int64", x=[[2**62]]),
        predict_request("examples_tf2", "classify", inputs=[X.SerializeToString()]),
        predict_request("qa", question=["first"], context=["one two"]),
        predict_request("no_inputs"),
    ],
    "PredictionService/Classify": [
        classification("examples_tf1", "classify", X, X),
        _with_context(classification("examples_tf2", "classify_scores")),
    ],
    "PredictionService/Regress": [
        regression("examples_tf2", "regress", X),
        _with_context(regression("examples_tf1", "regress_plus_three")),
    ],
    "PredictionService/MultiInference": [
        multi_inference(
            ("examples_tf1", "regress", REGRESS), ("examples_tf1", "classify", CLASSIFY)
        )
    ],
    "PredictionService/GetModelMetadata": [_metadata("signature_def")],
    "ModelService/GetModelStatus": [_status()],
}


@st.composite
def grpc_requests(draw: st.DrawFn) -> GrpcRequest:
    """A call: a valid message with some fields changed, perhaps with some of its bytes changed."""
    method, seed = draw(st.sampled_from([(name, one) for name in SEEDS for one in SEEDS[name]]))
    message = copy.deepcopy(seed)
    for _ in range(draw(st.integers(0, 4))):
        _change(draw, draw(st.sampled_from(list(_messages(message)))))
    data = message.SerializeToString()
    if draw(st.integers(0, 3)) == 0:
        data = draw(changed_bytes(data))
    return GrpcRequest(method, type(message), data)


def _messages(message: Message) -> Iterator[Message]:
    """The message and those in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type:
                for key in sorted(value):
                    yield from _messages(value[key])
        elif field.message_type:
            for inner in value if field.is_repeated else [value]:
                yield from _messages(inner)


def _change(draw: st.DrawFn, message: Message) -> None:
    """Clears, sets, appends to or makes one field."""
    if not message.DESCRIPTOR.fields:
        return
    field = draw(st.sampled_from(list(message.DESCRIPTOR.fields)))
    if draw(st.integers(0, 4)) == 0:
        message.ClearField(field.name)
    elif field.message_type and field.message_type.GetOptions().map_entry:
        _change_map(draw, getattr(message, field.name), field)
    elif field.is_repeated:
        items = getattr(message, field.name)
        if field.message_type:
            items.add().MergeFrom(
                draw(st.sampled_from([*items, field.message_type._concrete_class()]))
            )
        else:
            items.extend(draw(st.lists(_scalars(field), min_size=1, max_size=3)))
    elif field.message_type:
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, draw(_scalars(field)))


def _change_map(draw: st.DrawFn, entries: Any, field: FieldDescriptor) -> None:
    key = draw(names)
    value = field.message_type.fields_by_name["value"]
    if not value.message_type:
        entries[key] = draw(_scalars(value))
    elif entries:
        entries[key].MergeFrom(entries[draw(st.sampled_from(sorted(entries)))])
    else:
        entries[key].SetInParent()


def _scalars(field: FieldDescriptor) -> st.SearchStrategy:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return st.floats(width=32)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return st.integers(0, 40) | st.integers(-(2**31), 2**31 - 1)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return payloads if field.type == FieldDescriptor.TYPE_BYTES else names
    low, high = {
        FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
        FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
        FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
        FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    }[kind]
    known = [number for number in INTEGERS if low <= number <= high]
    return st.sampled_from(known) | st.integers(low, high)


@st.composite
def changed_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a slice replaced, left out or doubled; or others."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=64))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 8)))
    new = draw(st.binary(max_size=4) | st.just(b"") | st.just(data[start:end] * 2))
    return data[:start] + new + data[end:]


DOCUMENTS = {
    "predict": [
        ("workbench", {"instances": [1.0, 2.0]}),
        ("workbench", {"inputs": [[1, 2], [3, 4]]}),
        ("workbench", {"signature_name": "two", "instances": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}),
        ("workbench", {"signature_name": "text", "inputs": {"text": ["a", {"b64": "/w=="}]}}),
        ("workbench", {"signature_name": "echo_int64", "instances": [{"x": [7]}]}),
        ("workbench", {"signature_name": "parse", "instances": [{"b64": "Cg0KCwoBeBIGEgQKAgAA"}]}),
        ("qa", {"instances": [{"question": "first", "context": "one two"}]}),
        ("no_inputs", {"inputs": {}}),
    ],
    "classify": [
        ("examples_tf1", {"signature_name": "classify", "examples": [{"x": 2.0}, {"x": [1.5]}]}),
        ("examples_tf2", {"signature_name": "classify_scores", "context": {"x": 2.0},
                          "examples": [{}, {"y": ["a", {"b64": "AA=="}], "z": True}]}),
    ],
    "regress": [
        ("examples_tf2", {"signature_name": "regress", "examples": [{"x": 2.0, "y": 3}]}),
        ("examples_tf1", {"signature_name": "regress_plus_three", "examples": [{"x": 1e3}]}),
    ],
}  # fmt: skip

json_scalars = (
    st.none() | st.booleans() | st.sampled_from(INTEGERS) | st.integers() | st.floats() | names
    | st.sampled_from((2**64, 1e39, 1e308))
    | st.sampled_from(("AA==", "?", 1)).map(lambda value: {"b64": value})
)  # fmt: skip
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
TOKENS = (
    b"NaN", b"-Inf", b"1e400", b"-0", b"1.", b"\xff", b'"\\ud800"', b'"\\ud83d\\ude00"', b"{}",
    b"[" * 70, b"[" * 3000, b'{"a":' * 2000, b'"signature_name": "two", ', b"nul", b"\0", b",",
    b"9" * 400, b"0.1" + b"7" * 50,
)  # fmt: skip


@st.composite
def rest_requests(draw: st.DrawFn) -> RestRequest:
    """A request: a valid one with values, bytes, path, method or headers changed."""
    verb = draw(st.sampled_from(sorted(DOCUMENTS)))
    model, document = draw(st.sampled_from(DOCUMENTS[verb]))
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        document = _changed_json(draw, document)
    body = json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        body = draw(changed_bytes(body) | _with_token(body))
    return _request(draw, f"/v1/models/{model}:{verb}", body)


def _changed_json(draw: st.DrawFn, value: Any) -> Any:
    """The value, or one within it, replaced; or a member or item added or left out."""
    if not value or not isinstance(value, dict | list) or draw(st.integers(0, 4)) == 0:
        return draw(json_values)
    keys = sorted(value) if isinstance(value, dict) else range(len(value))
    key, action = draw(st.sampled_from(keys)), draw(st.sampled_from(("in", "in", "out", "add")))
    if action == "in":
        value[key] = _changed_json(draw, value[key])
    elif action == "out":
        del value[key]
    elif isinstance(value, list):
        value.append(copy.deepcopy(draw(st.sampled_from(value) | json_values)))
    else:
        value[draw(names)] = draw(json_values)
    return value


@st.composite
def _with_token(draw: st.DrawFn, body: bytes) -> bytes:
    at = draw(st.integers(0, len(body)))
    return body[:at] + draw(st.sampled_from(TOKENS)) + body[at:]


def _request(draw: st.DrawFn, path: str, body: bytes) -> RestRequest:
    method, headers = "POST", {}
    chance = draw(st.integers(0, 11))
    if chance == 0:
        method = draw(st.sampled_from(("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")))
    elif chance == 1:
        path = draw(_paths())
        method = draw(st.sampled_from(("GET", "POST")))
    elif chance == 2:
        headers = {"Content-Encoding": "gzip"}
        packed = gzip.compress(body)
        body = draw(st.just(packed) | st.just(body) | changed_bytes(packed))
    return RestRequest(method, path, headers, body)


@st.composite
def _paths(draw: st.DrawFn) -> str:
    name = urllib.parse.quote(draw(names), safe="")
    number = draw(st.sampled_from(("123", "9", "-1", "1x", str(2**63), "7" * 5000)))
    label = urllib.parse.quote(draw(names), safe="")
    which = draw(st.sampled_from(("", f"/versions/{number}", f"/labels/{label}", "/metadata", "/")))
    end = draw(st.sampled_from(("", "/metadata", ":predict", ":classify", ":Regress", "?x=1")))
    start = draw(st.sampled_from(("/v1/models/", "/V1/MODELS/", "/v1/", "/", "/v1/models//")))
    return f"{start}{name}{which}{end}"
