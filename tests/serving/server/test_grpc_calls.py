"""gRPC calls as such, whatever they ask: sections 1.1, 2.1, 2.5 and 2.6 of the API page."""

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, prediction_service_pb2_grpc

from tests.serving.server_process import failure, predict_request


def test_1_1_grpc_listens_on_every_interface(small_models_server):
    # The whole of 127.0.0.0/8 is this machine.
    with grpc.insecure_channel(f"127.0.0.2:{small_models_server.port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(predict_request("workbench", a=[1.0]), timeout=60)
    assert response.outputs["y"].float_val == [1.0]


def test_1_1_clients_find_that_it_is_ready_by_a_model_that_is_not_there(small_models_server):
    predict = small_models_server.predictions.Predict
    assert "Servable" in failure(predict, predict_request("no such model"))[1]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", id="reflection"),
        pytest.param(
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", id="reflection-alpha"
        ),
        pytest.param("grpc.health.v1.Health/Check", id="health-without-its-flag"),
        pytest.param("tensorflow.serving.ModelService/Predict", id="method-of-another-service"),
    ],
)
def test_1_1_services_that_are_not_there(small_models_server, path):
    call = small_models_server.channel.unary_unary(f"/{path}")
    assert failure(call, b"")[0] == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "path",
    [
        "PredictionService/GetModelMetadata", "ModelService/GetModelStatus",
        "ModelService/HandleReloadConfigRequest",
    ],
)  # fmt: skip
def test_1_1_bytes_that_are_no_request_are_internal(small_models_server, path):
    call = small_models_server.channel.unary_unary(f"/tensorflow.serving.{path}")
    assert failure(call, b"\xff\xff\xff")[0] == grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("value", [b"a\xff", b""], ids=["bytes", "empty"])
def test_2_1_a_scalar_string(small_models_server, value):
    request = predict_request("workbench", "echo_string", x=value)
    output = small_models_server.predictions.Predict(request).outputs["y"]
    assert list(output.string_val) == [value]
    assert output.HasField("tensor_shape")
    assert list(output.tensor_shape.dim) == []


def test_2_1_equal_values_are_all_present(small_models_server):
    request = predict_request("workbench", "echo_int32", x=[[7, 7], [7, 7]])
    output = small_models_server.predictions.Predict(request).outputs["y"]
    assert list(output.int_val) == [7, 7, 7, 7]
    assert [dim.size for dim in output.tensor_shape.dim] == [2, 2]


def test_2_1_content_that_is_too_long(small_models_server):
    request = predict_request("workbench", "echo_float32", x=[1.0, 2.0])
    request.inputs["x"].tensor_content += b"\0\0\0\0"
    code, message = failure(small_models_server.predictions.Predict, request)
    assert (code, message) == (grpc.StatusCode.INVALID_ARGUMENT, "tensor parsing error: x")


def test_2_1_bfloat16_travels_as_its_bits(small_models_server):
    request = predict_request("workbench", "echo_bfloat16", x=tf.constant([1.0, -2.0], tf.bfloat16))
    output = small_models_server.predictions.Predict(request).outputs["y"]
    assert list(output.half_val) == [0x3F80, 0xC000]  # the upper half of float32


@pytest.mark.parametrize(
    ("model", "more"), [("examples_tf1", []), ("examples_tf2", ["__saved_model_init_op"])]
)
def test_2_5_all_signatures_of_the_file(small_models_server, model, more):
    response = small_models_server.metadata(model)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].type_url == (
        "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    )
    assert response.metadata["signature_def"].Unpack(signatures)
    assert sorted(signatures.signature_def) == [
        *more, "classify", "classify_labels", "classify_scores", "regress", "regress_plus_three",
        "serving_default",
    ]  # fmt: skip
