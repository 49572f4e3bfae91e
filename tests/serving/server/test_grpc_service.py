"""The gRPC API: sections 1.1, 1.2, 2.1, 2.2, 2.5, 2.6 and 3 of the API page, on a real server.

Section 2.3 is in test_classify_regress.py, 2.4 in test_multi_inference.py.
"""

from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import config, prediction
from serving.server.grpc_service import truncated
from serving.server.manager import ManagerOptions, ModelManager
from serving.server.status import StatusError
from tests.serving.example_requests import example
from tests.serving.server_process import failure, predict_request

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def spec(name="workbench", version=None, label=None):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    return request.model_spec


MODEL_SPEC_ERRORS = [
    pytest.param(None, INVALID, "Missing ModelSpec", id="no-model-spec"),
    pytest.param(spec(""), INVALID, "ModelSpec has no name specified.", id="no-name"),
    pytest.param(
        spec(label="stable"), INVALID, "Unrecognized servable version label: stable", id="label"
    ),
    pytest.param(
        spec("nope", label="stable"), INVALID, "Unrecognized servable version label: stable",
        id="label-of-unknown-model",
    ),
    pytest.param(
        spec("nope"), NOT_FOUND, "Servable not found for request: Latest(nope)", id="no-model"
    ),
    pytest.param(
        spec(version=99), NOT_FOUND, "Servable not found for request: Specific(workbench, 99)",
        id="no-version",
    ),
    pytest.param(
        spec("nope", 0), NOT_FOUND, "Servable not found for request: Specific(nope, 0)",
        id="version-zero-is-a-version",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model_spec", "code", "message"), MODEL_SPEC_ERRORS)
def test_1_2_model_spec_errors_come_before_those_of_inputs(
    small_models_server, model_spec, code, message
):
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=model_spec, metadata_field=["signature_def"]
    )
    predict = predict_pb2.PredictRequest(model_spec=model_spec, output_filter=["no such"])
    classify = classification_pb2.ClassificationRequest(model_spec=model_spec)
    regress = regression_pb2.RegressionRequest(model_spec=model_spec)
    stub = small_models_server.predictions
    assert failure(stub.Predict, predict) == (code, message)
    assert failure(stub.Classify, classify) == (code, message)
    assert failure(stub.Regress, regress) == (code, message)
    assert failure(stub.GetModelMetadata, metadata) == (code, message)


@pytest.mark.parametrize(
    ("model_spec", "code", "message"), [case for case in MODEL_SPEC_ERRORS if case.values[0]]
)
def test_1_2_multi_inference_takes_the_first_tasks_model(
    small_models_server, model_spec, code, message
):
    task = inference_pb2.InferenceTask(model_spec=model_spec)
    request = inference_pb2.MultiInferenceRequest(tasks=[task, inference_pb2.InferenceTask()])
    assert failure(small_models_server.predictions.MultiInference, request) == (code, message)


def test_1_2_a_label_of_a_version_that_is_not_available():
    model = config.ModelConfig("m", "/m", labels={"stable": 7})
    options = ManagerOptions(allow_version_labels_for_unavailable_models=True)
    manager = ModelManager([], load=lambda path: pytest.fail("loads"), options=options)
    manager.apply([model])
    labelled = spec("m", label="stable")
    with pytest.raises(StatusError) as caught, prediction.resolve(manager, labelled):
        pass
    assert str(caught.value) == "NOT_FOUND: Servable not found for request: Specific(m, 7)"


@pytest.mark.parametrize("model", ["half_plus_two_tf1", "half_plus_two_tf2"])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param([[1.0], [2.0]], [[2.5], [3.0]], id="declared-shape"),
        pytest.param([1.0, 2.0, 5.0], [2.5, 3.0, 4.5], id="vector"),
        pytest.param(3.0, 3.5, id="scalar"),
        pytest.param([[1.0, 2.0], [3.0, 4.0]], [[2.5, 3.0], [3.5, 4.0]], id="matrix"),
        pytest.param(np.zeros([0, 1], np.float32), np.zeros([0, 1]), id="no-rows"),
    ],
)
def test_2_1_predict_does_not_enforce_the_declared_shape(small_models_server, model, x, y):
    response = small_models_server.predict(model, x=x)
    output = response.outputs["y"]
    assert list(output.float_val) == np.ravel(y).tolist()
    assert [dim.size for dim in output.tensor_shape.dim] == list(np.shape(y))
    assert output.tensor_content == b""
    assert output.HasField("tensor_shape")
    assert response.model_spec.name == model
    assert response.model_spec.version.value == 123
    assert response.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize(
    ("dtype", "values", "field"),
    [
        (tf.float32, [0.5, -1.0, 3.25], "float_val"),
        (tf.float64, [0.1, 2.0, 1e300], "double_val"),
        (tf.int8, [-128, 0, 127], "int_val"),
        (tf.uint8, [0, 1, 255], "int_val"),
        (tf.int16, [-32768, 0, 32767], "int_val"),
        (tf.int32, [-(2**31), 0, 2**31 - 1], "int_val"),
        (tf.uint32, [0, 1, 2**32 - 1], "uint32_val"),
        (tf.int64, [-(2**63), 0, 2**63 - 1], "int64_val"),
        (tf.uint64, [0, 1, 2**64 - 1], "uint64_val"),
        (tf.bool, [True, False, True], "bool_val"),
        (tf.string, [b"a\x00\xff", b"", "é".encode()], "string_val"),
    ],
    ids=lambda value: value.name if isinstance(value, tf.DType) else "",
)
def test_2_1_outputs_come_in_typed_fields(small_models_server, dtype, values, field):
    request = predict_request("workbench", f"echo_{dtype.name}", x=tf.constant(values, dtype))
    output = small_models_server.predictions.Predict(request).outputs["y"]
    assert list(getattr(output, field)) == values
    assert output.dtype == dtype.as_datatype_enum
    assert output.tensor_content == b""


def test_2_1_sixteen_bit_floats_travel_as_their_bits(small_models_server):
    request = predict_request("workbench", "echo_float16", x=np.array([1.0, -2.0], np.float16))
    output = small_models_server.predictions.Predict(request).outputs["y"]
    assert list(output.half_val) == [0x3C00, 0xC000]  # IEEE 754 binary16


F = types_pb2.DT_FLOAT


def tensor(dtype: int, sizes: list[int], **fields: Any) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=dtype, **fields)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    return proto


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        pytest.param(tensor(F, [3], float_val=[1, 2]), [1, 2, 2], id="last-repeated"),
        pytest.param(tensor(F, [2]), [0, 0], id="none-is-zero"),
        pytest.param(tensor(F, [2], float_val=[1, 2, 3]), [1, 2], id="surplus-ignored"),
        pytest.param(tensor(F, [1], tensor_content=b"\0\0\x80?"), [1], id="content"),
        pytest.param(tensor_pb2.TensorProto(dtype=F, float_val=[7]), [7], id="no-shape-is-scalar"),
        pytest.param(tensor(F, [0], tensor_content=b"\0\0\x80?"), [], id="no-rows"),
    ],
)
def test_2_1_inputs_are_completed_as_the_reference_does(small_models_server, sent, values):
    request = predict_request("workbench", "echo_float32")
    request.inputs["x"].CopyFrom(sent)
    assert list(small_models_server.predictions.Predict(request).outputs["y"].float_val) == values


def test_2_1_no_string_at_all_is_an_empty_one(small_models_server):
    request = predict_request("workbench", "echo_string")
    request.inputs["x"].CopyFrom(tensor(types_pb2.DT_STRING, [2]))
    response = small_models_server.predictions.Predict(request)
    assert list(response.outputs["y"].string_val) == [b"", b""]


def test_2_1_the_declared_dtype_is_not_enforced(small_models_server):
    request = predict_request("misfits", "wrong_dtype", x=[1.5])  # declared as int32
    response = small_models_server.predictions.Predict(request)
    assert list(response.outputs["y"].float_val) == [1.5]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(tensor(0, [1], float_val=[1]), id="no-dtype"),
        pytest.param(tensor(9999, [1], float_val=[1]), id="unknown-dtype"),
        pytest.param(tensor(F, [-1], float_val=[1]), id="negative-size"),
        pytest.param(tensor(F, [2], tensor_content=b"\0\0\x80?"), id="content-too-short"),
        pytest.param(tensor(F, [2**40, 2**40], float_val=[1]), id="overflow"),
        pytest.param(tensor(F, [0, 2**62]), id="overflow-beside-zero"),
        pytest.param(tensor(F, [2**24 + 1], float_val=[1]), id="over-64-mebibytes-of-one-value"),
        pytest.param(tensor(types_pb2.DT_STRING, [2**22]), id="over-64-mebibytes-of-strings"),
        pytest.param(tensor(F, [1] * 65, float_val=[1]), id="rank"),
        pytest.param(
            tensor_pb2.TensorProto(dtype=F, tensor_shape={"unknown_rank": True}), id="unknown-rank"
        ),
        pytest.param(tensor(types_pb2.DT_RESOURCE, [1]), id="resource"),
    ],
)
def test_2_1_undecodable_tensor(small_models_server, sent):
    request = predict_request("workbench", "echo_float32")
    request.inputs["x"].CopyFrom(sent)
    expected = (INVALID, "tensor parsing error: x")
    assert failure(small_models_server.predictions.Predict, request) == expected


def bench(
    signature_name: str = "", output_filter: Sequence[str] = (), **inputs: Any
) -> predict_pb2.PredictRequest:
    request = predict_request("workbench", signature_name, **inputs)
    request.output_filter.extend(output_filter)
    return request


PREDICT_ERRORS = [
    pytest.param(
        bench("nope"), grpc.StatusCode.FAILED_PRECONDITION,
        'Serving signature key "nope" not found.', id="signature",
    ),
    pytest.param(
        bench(), INVALID,
        "input size does not match signature: 0!=1 len({}) != len({a}). Sent extra: {}. "
        "Missing but required: {a}.", id="no-input",
    ),
    pytest.param(
        bench("two", a=[1.0], c=[1.0], d=[1.0]), INVALID,
        "input size does not match signature: 3!=2 len({a,c,d}) != len({a,b}). "
        "Sent extra: {c,d}. Missing but required: {b}.", id="too-many",
    ),
    pytest.param(
        bench(z=[1.0]), INVALID,
        "Signature input alias: a(feed name: a:0) not found in request and no default value "
        "provided. Inputs expected to be in the request {a}, or default input alias set: ",
        id="other-name",
    ),
    pytest.param(
        bench("optional", a=[1.0], z=[2.0]), INVALID,
        "Inputs contains invalid name. Used request inputs: a, request input: a,z",
        id="unknown-beside-a-default",
    ),
    pytest.param(
        bench("two", ["z"], a=[1.0], b=[1.0]), INVALID,
        "output tensor alias not found in signature: z Outputs expected to be in the set "
        "{difference,sum}.", id="unknown-output",
    ),
    pytest.param(
        bench("two", ["sum", "sum"], a=[1.0], b=[1.0]), INVALID,
        "duplicate output tensor alias: sum", id="output-twice",
    ),
    pytest.param(
        bench(a=["x"]), INVALID, "Expects arg[0] to be float but string is provided", id="dtype"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "code", "message"), PREDICT_ERRORS)
def test_2_2_predict_errors(small_models_server, request_, code, message):
    assert failure(small_models_server.predictions.Predict, request_) == (code, message)


def test_2_2_the_runtimes_own_errors_reach_the_client(small_models_server):
    predict = small_models_server.predictions.Predict
    code, message = failure(predict, bench("parse", inputs=["garbage"]))
    assert code == INVALID
    assert "Could not parse example input, value: 'garbage'" in message
    code, message = failure(predict, bench("two", a=[1.0, 2.0], b=[1.0, 2.0, 3.0]))
    assert code == INVALID
    assert "Incompatible shapes: [2] vs. [3]" in message


def test_2_2_errors_that_quote_bytes_reach_the_client_too(small_models_server):
    code, message = failure(
        small_models_server.predictions.Predict, bench("parse", inputs=[b"\xff"])
    )
    assert code == INVALID
    assert message.startswith("Could not parse example input, value: '")
    assert "Traceback" not in small_models_server.log


@pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])
def test_2_2_predict_takes_classify_and_regress_signatures(small_models_server, model):
    examples = [example(x=2.0).SerializeToString()]
    predict = small_models_server.predictions.Predict
    classes = predict(predict_request(model, "classify", inputs=examples)).outputs
    assert list(classes["classes"].string_val) == [b"plus", b"minus"]
    assert list(classes["scores"].float_val) == [3.0, -3.0]
    outputs = predict(predict_request(model, "regress", inputs=examples)).outputs
    assert list(outputs["outputs"].float_val) == [3.0]


def test_2_2_output_filter_defaults_and_signatures_without_inputs(small_models_server):
    predict = small_models_server.predictions.Predict
    filtered = predict(bench("two", ["sum"], a=[1.0], b=[2.0]))
    assert list(filtered.outputs) == ["sum"]
    assert list(predict(bench("optional", a=[1.0, 2.0])).outputs["sum"].float_val) == [11.0, 12.0]
    response = predict(bench("no_inputs"))
    assert list(response.outputs["y"].float_val) == [1.0, 2.0]
    assert response.model_spec.signature_name == "no_inputs"


def test_1_1_messages_of_any_size(small_models_server):
    text = "x" * (5 * 2**20)  # gRPC's own limit is 4 MiB
    response = small_models_server.predictions.Predict(bench("text", text=[text]))
    assert len(response.outputs["upper"].string_val[0]) == len(text)


def test_1_1_the_deadline_bounds_the_run(small_models_server):
    request = bench("slow", loops=2**31 - 1)  # hours
    with pytest.raises(grpc.RpcError) as caught:
        small_models_server.predictions.Predict(request, timeout=0.3)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_1_1_bytes_that_are_no_request_are_internal(small_models_server):
    call = small_models_server.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff", timeout=60)
    assert caught.value.code() == grpc.StatusCode.INTERNAL


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["graph"], "Metadata field graph is not supported"),
        (["signature_def", "graph"], "Metadata field graph is not supported"),
    ],
)
def test_2_5_metadata_fields_are_checked_before_the_model(small_models_server, fields, message):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec("nope"), metadata_field=fields
    )
    stub = small_models_server.predictions
    assert failure(stub.GetModelMetadata, request) == (INVALID, message)


@pytest.mark.parametrize("model", ["half_plus_two_tf1", "half_plus_two_tf2"])
def test_2_5_metadata(small_models_server, model):
    response = small_models_server.metadata(model)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    x = signatures.signature_def["serving_default"].inputs["x"]
    assert x.dtype == types_pb2.DT_FLOAT
    assert [dim.size for dim in x.tensor_shape.dim] == [-1, 1]
    has_init_op = "__saved_model_init_op" in signatures.signature_def
    assert has_init_op == (model == "half_plus_two_tf2")
    assert response.model_spec.version.value == 123
    assert response.model_spec.signature_name == ""


def test_3_1_status(small_models_server):
    assert small_models_server.status("workbench") == [(123, "AVAILABLE", "")]
    assert small_models_server.status("workbench", 123) == [(123, "AVAILABLE", "")]


@pytest.mark.parametrize(
    ("model_spec", "code", "message"),
    [
        (None, INVALID, "Missing ModelSpec"),
        (spec("nope"), NOT_FOUND, "Could not find any versions of model nope"),
        (spec("nope", 99), NOT_FOUND, "Could not find version 99 of model nope"),
        (spec(version=99), NOT_FOUND, "Could not find version 99 of model workbench"),
    ],
)
def test_3_1_status_errors(small_models_server, model_spec, code, message):
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=model_spec)
    assert failure(small_models_server.models.GetModelStatus, request) == (code, message)


def test_3_1_status_ignores_labels(small_models_server):
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec(label="no such label"))
    response = small_models_server.models.GetModelStatus(request)
    assert [entry.version for entry in response.model_version_status] == [123]


@pytest.mark.parametrize(
    "path", ["PredictionService/PredictStreamed", "SessionService/SessionRun", "Nothing/AtAll"]
)
def test_2_6_what_is_not_part_of_the_services(small_models_server, path):
    call = small_models_server.channel.unary_unary(f"/tensorflow.serving.{path}")
    assert failure(call, b"")[0] == grpc.StatusCode.UNIMPLEMENTED


def test_1_1_long_error_messages_are_cut(small_models_server):
    request = bench("n" * 2000)
    _, message = failure(small_models_server.predictions.Predict, request)
    assert message == (f'Serving signature key "{"n" * 2000}" not found.')[:1024] + "...TRUNCATED"


def test_1_1_a_cut_within_a_character_leaves_it_out():
    assert truncated("é" * 513) == "é" * 512 + "...TRUNCATED"
    assert truncated("a" + "é" * 512) == "a" + "é" * 511 + "...TRUNCATED"
    assert truncated("a" * 1024) == "a" * 1024
