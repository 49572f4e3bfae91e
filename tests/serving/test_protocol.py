"""Our messages are those of tensorflow-serving-api, byte for byte."""

from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    prediction_service_pb2,
)

from serving import protocol

MESSAGES = [
    (protocol.PredictRequest, predict_pb2.PredictRequest),
    (protocol.PredictResponse, predict_pb2.PredictResponse),
    (protocol.GetModelMetadataRequest, get_model_metadata_pb2.GetModelMetadataRequest),
    (protocol.GetModelMetadataResponse, get_model_metadata_pb2.GetModelMetadataResponse),
    (protocol.SignatureDefMap, get_model_metadata_pb2.SignatureDefMap),
    (protocol.GetModelStatusRequest, get_model_status_pb2.GetModelStatusRequest),
    (protocol.GetModelStatusResponse, get_model_status_pb2.GetModelStatusResponse),
    (protocol.SavedModel, saved_model_pb2.SavedModel),
]
_INTEGER_RANGES = {"int32": (-(2**31), 2**31), "int64": (-(2**63), 2**63 - 1),
                   "uint32": (0, 2**32), "uint64": (0, 2**64 - 1)}  # fmt: skip
_TYPES = {5: "int32", 3: "int64", 13: "uint32", 4: "uint64"}  # FieldDescriptor.TYPE_*


def fill(message: Any, rng: np.random.Generator) -> Any:
    """Gives every field of a message one or two random values."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof and rng.random() < 0.5:
            continue
        if field.message_type and field.message_type.GetOptions().map_entry:
            for _ in range(2):
                fill(getattr(message, field.name)[random_value(9, rng)], rng)
        elif field.message_type and field.is_repeated:
            for _ in range(2):
                fill(getattr(message, field.name).add(), rng)
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), rng)
        elif field.is_repeated:
            getattr(message, field.name).extend(random_value(field.type, rng) for _ in range(2))
        else:
            setattr(message, field.name, random_value(field.type, rng))
    return message


def random_value(field_type: int, rng: np.random.Generator) -> Any:
    if field_type in _TYPES:
        low, high = _INTEGER_RANGES[_TYPES[field_type]]
        dtype = np.uint64 if low == 0 else np.int64
        return int(rng.integers(low, high, dtype=dtype))
    if field_type == 8:  # bool
        return bool(rng.integers(2))
    if field_type in (1, 2):  # double, float
        return float(np.float32(rng.normal()))
    text = "".join(chr(code) for code in rng.integers(0x20, 0x2FFF, 5))
    return text.encode() if field_type == 12 else text


@pytest.mark.parametrize(("ours", "theirs"), MESSAGES, ids=lambda one: one.DESCRIPTOR.name)
def test_equal_on_the_wire_both_ways(ours, theirs):
    rng = np.random.default_rng(7)
    for _ in range(20):
        message = fill(ours(), rng)
        read = theirs.FromString(message.SerializeToString())
        # Their text names every field, so a wrong number or type would show; enums as numbers.
        options = {"use_index_order": True, "as_one_line": True}
        expected = text_format.MessageToString(message, **options)
        assert ours.FromString(read.SerializeToString()) == message
        assert ours.DESCRIPTOR.full_name == theirs.DESCRIPTOR.full_name
        parsed = text_format.Parse(expected, theirs())
        assert parsed.SerializeToString(deterministic=True) == read.SerializeToString(
            deterministic=True
        )


def test_enums_have_tensorflows_numbers():
    for member in protocol.DataType:
        assert types_pb2.DataType.Value(member.name) == member
    states = get_model_status_pb2.ModelVersionStatus.State
    assert {name: int(state) for name, state in protocol.State.__members__.items()} == dict(
        states.items()
    )


def test_the_methods_are_those_of_the_services():
    services = prediction_service_pb2.DESCRIPTOR.services_by_name
    method = services["PredictionService"].methods_by_name["Predict"]
    assert f"/{method.containing_service.full_name}/{method.name}" == protocol.PREDICT
