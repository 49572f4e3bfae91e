"""A request with two faults is told of the first in the API page's order: sections 2.2 to 2.5."""

from typing import Any

import grpc
import numpy as np
import pytest
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2

from tests.serving.example_requests import CLASSIFY, REGRESS, multi_inference
from tests.serving.server_process import failure, predict_request

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION, NOT_FOUND = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND
UNDECODABLE = tensor_pb2.TensorProto(
    dtype=types_pb2.DT_FLOAT, tensor_shape={"dim": [{"size": 3}]}, tensor_content=b"\0"
)


def ask(signature_name: str, *output_filter: str, **inputs: Any) -> predict_pb2.PredictRequest:
    """Of the workbench; an input that is a TensorProto goes as it is."""
    given = {alias: one for alias, one in inputs.items() if isinstance(one, tensor_pb2.TensorProto)}
    values = {alias: inputs[alias] for alias in inputs.keys() - given}
    request = predict_request("workbench", signature_name, **values)
    for alias, proto in given.items():
        request.inputs[alias].CopyFrom(proto)
    request.output_filter.extend(output_filter)
    return request


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (ask("nope", c=[1.0]), PRECONDITION, 'Serving signature key "nope" not found.'),
        (ask("two", z=UNDECODABLE), INVALID, "input size does not match signature: 1!=2 len({z})"),
        (ask("two", a=UNDECODABLE, b=[1.0], c=[1.0]), INVALID,
         "input size does not match signature: 3!=2 len({a,b,c})"),
        (ask("two", "no such", a=[1.0], z=UNDECODABLE), INVALID,
         "Signature input alias: b(feed name: b:0) not found in request"),
        (ask("two", "no such", a=UNDECODABLE, b=[1.0]), INVALID, "tensor parsing error: a"),
        (ask("two", "sum", "no such", "sum", a=["x"], b=[1.0]), INVALID,
         "output tensor alias not found in signature: no such"),
        (ask("two", "sum", "sum", a=["x"], b=[1.0]), INVALID,
         "duplicate output tensor alias: sum"),
        (ask("two", a=np.array([[1, 2]]), b=["x", "y", "z"]), INVALID, "Expects arg["),
    ],
    ids=["signature-number", "number-decoding", "surplus-decoding", "names-filter",
         "decoding-filter", "filter-dtype", "twice-dtype", "dtype-shape"],
)  # fmt: skip
def test_2_2_predict(small_models_server, request_, code, message):
    found_code, found = failure(small_models_server.predictions.Predict, request_)
    assert (found_code, found[: len(message)]) == (code, message)


def test_2_2_the_defaults_are_named_when_another_input_is_missing(small_models_server):
    code, message = failure(small_models_server.predictions.Predict, ask("optional", b=[1.0]))
    assert code == INVALID
    assert message == (
        "Signature input alias: a(feed name: a:0) not found in request and no default value "
        "provided. Inputs expected to be in the request {a,b}, or default input alias set: b"
    )


@pytest.mark.parametrize(
    ("tasks", "code", "message"),
    [
        ([("workbench", "nope", ""), ("", "nope", "")], INVALID,
         "Requested signature not found in model graph: nope"),
        ([("nope", "a", ""), ("", "a", "")], NOT_FOUND,
         "Servable not found for request: Latest(nope)"),
        ([("misfits", "regress", REGRESS), ("", "regress", REGRESS)], INVALID,
         "Found ModelSpec with an empty model name."),
        ([("misfits", "regress", REGRESS), ("misfits", "regress", "?")], INVALID,
         "Duplicate evaluation of signature: regress"),
        ([("misfits", "nope", "?")], INVALID, "Requested signature not found in model graph: nope"),
        ([("misfits", "regress_two_outputs", CLASSIFY)], INVALID,
         "Expected classification signature outputs to contain at least one of"),
    ],
    ids=["first-task-before-second", "model-before-tasks", "name-before-twice",
         "twice-before-method", "signature-before-method", "outputs-before-examples"],
)  # fmt: skip
def test_2_4_multi_inference(small_models_server, tasks, code, message):
    request = multi_inference(*tasks, examples=())
    found_code, found = failure(small_models_server.predictions.MultiInference, request)
    assert (found_code, found[: len(message)]) == (code, message)


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        (None, [], "Missing ModelSpec"),
        (None, ["graph"], "Missing ModelSpec"),
        (model_pb2.ModelSpec(), ["graph"], "Metadata field graph is not supported"),
        (model_pb2.ModelSpec(), [],
         "GetModelMetadataRequest must specify at least one metadata_field"),
        (model_pb2.ModelSpec(), ["signature_def"], "ModelSpec has no name specified."),
    ],
    ids=["no-field", "other-field", "field-before-name", "none-before-name", "name"],
)  # fmt: skip
def test_2_5_metadata(small_models_server, spec, fields, message):
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=fields)
    metadata = small_models_server.predictions.GetModelMetadata
    assert failure(metadata, request) == (INVALID, message)
