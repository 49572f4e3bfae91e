"""Classify and Regress over gRPC (section 2.3 of the API page), against a real server."""

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2

from tests.serving.example_requests import classification, example, regression
from tests.serving.server_process import failure

INVALID = grpc.StatusCode.INVALID_ARGUMENT
EXPORTS = pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])


def rows(response: classification_pb2.ClassificationResponse) -> list[list[tuple[str, float]]]:
    return [
        [(each.label, each.score) for each in row.classes]
        for row in response.result.classifications
    ]


@EXPORTS
@pytest.mark.parametrize(
    ("signature_name", "expected"),
    [
        ("classify", [[("plus", 3.0), ("minus", -3.0)], [("plus", 22.0), ("minus", -22.0)]]),
        ("classify_labels", [[("plus", 0.0), ("minus", 0.0)]] * 2),
        ("classify_scores", [[("", 3.0), ("", -3.0)], [("", 22.0), ("", -22.0)]]),
    ],
)
def test_2_3_classify(small_models_server, model, signature_name, expected):
    request = classification(model, signature_name, example(x=2.0), example(x=40.0))
    response = small_models_server.predictions.Classify(request)
    assert rows(response) == expected
    assert response.model_spec.name == model
    assert response.model_spec.version.value == 123
    assert response.model_spec.signature_name == signature_name


@EXPORTS
@pytest.mark.parametrize(
    ("signature_name", "expected"), [("regress", [3.0, 22.0]), ("regress_plus_three", [4.0, 23.0])]
)
def test_2_3_regress(small_models_server, model, signature_name, expected):
    request = regression(model, signature_name, example(x=2.0), example(x=40.0))
    response = small_models_server.predictions.Regress(request)
    assert [each.value for each in response.result.regressions] == expected
    assert response.model_spec.version.value == 123
    assert response.model_spec.signature_name == signature_name


def test_2_3_no_signature_name_means_serving_default(small_models_server):
    response = small_models_server.predictions.Classify(classification("misfits", "", example()))
    assert rows(response) == [[("", 0.0)]]
    assert response.model_spec.signature_name == "serving_default"


def test_2_3_classes_may_be_none(small_models_server):
    request = classification("misfits", "no_classes", example(), example())
    assert rows(small_models_server.predictions.Classify(request)) == [[], []]


@EXPORTS
def test_2_3_a_feature_of_the_example_overrides_the_contexts(small_models_server, model):
    request = regression(model, "regress")
    listed = request.input.example_list_with_context
    listed.context.CopyFrom(example(x=2.0, other=1))
    listed.examples.extend([example(), example(x=40.0), example(other=2)])
    response = small_models_server.predictions.Regress(request)
    assert [each.value for each in response.result.regressions] == [3.0, 22.0, 3.0]


def test_2_3_the_contexts_bytes_come_before_each_examples(small_models_server):
    request = classification("misfits")
    context, first, second = example(a=[b"c"]), example(a=[b"1"]), example(b=[b"2"])
    request.input.example_list_with_context.context.CopyFrom(context)
    request.input.example_list_with_context.examples.extend([first, second])
    labels = [row[0][0] for row in rows(small_models_server.predictions.Classify(request))]
    before = context.SerializeToString()
    assert [label.encode() for label in labels] == [
        before + first.SerializeToString(), before + second.SerializeToString(),
    ]  # fmt: skip


def test_2_3_unknown_fields_of_an_example_reach_the_graph(small_models_server):
    request = classification("misfits")
    unknown = tf.train.Example.FromString(b"\x10\x05")  # field 2, a varint
    request.input.example_list.examples.append(unknown)
    assert rows(small_models_server.predictions.Classify(request)) == [[("\x10\x05", 0.0)]]


TWO = [example(x=1.0), example(x=2.0)]


@pytest.mark.parametrize(
    ("model", "signature_name", "message"),
    [
        ("examples_tf1", "nope", "No signature was found with the name: nope"),
        ("misfits", "two_inputs", "Expected one input Tensor."),
        ("no_inputs", "", "Expected one input Tensor."),
        ("misfits", "three_outputs", "Expected one or two output Tensors, found 3"),
        ("misfits", "input_x_three_outputs", "Expected one or two output Tensors, found 3"),
        ("misfits", "input_x", "No classification inputs found in SignatureDef: inputs {"),
        ("examples_tf2", "", "No classification inputs found in SignatureDef: inputs {"),
        ("misfits", "logits", "Expected classification signature outputs to contain at least one "
         'of "classes" or "scores". Signature was: inputs {'),
        ("misfits", "scores_in_a_row", "Expected Tensor shape: [batch_size num_classes] but got "
         "[2]"),
        ("misfits", "classes_in_a_row", "Expected Tensor shape: [batch_size num_classes] but got "
         "[2]"),
        ("misfits", "scores_of_integers", "Expected scores Tensor of DT_FLOAT. Got: DT_INT32"),
        ("misfits", "classes_of_floats", "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        ("misfits", "scores_of_the_first", "Expected scores output batch size of 2. Got: 1"),
        ("misfits", "classes_of_the_first", "Expected classes output batch size of 2. Got: 1"),
        ("misfits", "more_scores", "Tensors class and score should match in dim_size(1). Got 1 vs. "
         "2"),
    ],
)  # fmt: skip
def test_2_3_classify_errors(small_models_server, model, signature_name, message):
    request = classification(model, signature_name, *TWO)
    code, found = failure(small_models_server.predictions.Classify, request)
    assert code == INVALID
    assert found.startswith(message) if message.endswith("{") else found == message


@pytest.mark.parametrize(
    ("model", "signature_name", "message"),
    [
        ("examples_tf1", "nope", "No signature was found with the name: nope"),
        ("misfits", "two_inputs", "Expected one input Tensor."),
        ("misfits", "regress_two_outputs", "Expected one output Tensor."),
        ("misfits", "input_x_three_outputs", "Expected one output Tensor."),
        ("examples_tf1", "", "No regression inputs found in SignatureDef: inputs {"),
        ("examples_tf2", "classify_scores", "No regression outputs found in SignatureDef: inputs "
         "{"),
        ("misfits", "regress_wide", "Expected output Tensor shape to be either [batch_size] or "
         "[batch_size, 1] but got [2,2]"),
        ("misfits", "regress_one_number", "Expected output Tensor shape to be either [batch_size] "
         "or [batch_size, 1] but got []"),
        ("misfits", "regress_the_first", "Input batch size did not match output batch size: 2 vs. "
         "1"),
        ("misfits", "regress_integers", "Expected output Tensor of DT_FLOAT.  Got: DT_INT32"),
    ],
)  # fmt: skip
def test_2_3_regress_errors(small_models_server, model, signature_name, message):
    request = regression(model, signature_name, *TWO)
    code, found = failure(small_models_server.predictions.Regress, request)
    assert code == INVALID
    assert found.startswith(message) if message.endswith("{") else found == message


@pytest.mark.parametrize("with_context", [False, True])
def test_2_3_no_example(small_models_server, with_context):
    classify = classification("examples_tf1", "classify")
    if with_context:
        classify.input.example_list_with_context.context.CopyFrom(example(x=1.0))
    stub = small_models_server.predictions
    assert failure(stub.Classify, classify) == (INVALID, "Input is empty.")
    misfit = classification("misfits", "logits")  # its outputs are looked at before
    assert failure(stub.Classify, misfit)[1].startswith("Expected classification signature")
    wrong_batch = regression("misfits", "regress_the_first")
    assert failure(stub.Regress, wrong_batch) == (INVALID, "Input is empty.")


@EXPORTS
def test_2_3_examples_that_do_not_parse(small_models_server, model):
    regress = small_models_server.predictions.Regress
    code, message = failure(regress, regression(model, "regress", example(y=1.0)))
    assert code == INVALID
    assert "Name: <unknown>, Feature: x (data type: float) is required but could not be found." in (
        message
    )
    code, message = failure(regress, regression(model, "regress", example(x=1)))
    assert code == INVALID
    assert (
        "Name: <unknown>, Key: x, Index: 0.  Data types don't match. Data type: int64 but expected "
        "type: float"
    ) in message


def test_2_3_a_label_that_is_no_utf8_is_one_clear_error(small_models_server):
    request = classification("misfits", "", example(a=[b"\xff"]))
    code, message = failure(small_models_server.predictions.Classify, request)
    assert code == grpc.StatusCode.INTERNAL  # a client could not parse it
    assert "is not UTF-8" in message
    assert "Traceback" not in small_models_server.log


@pytest.mark.parametrize("method", ["Classify", "Regress", "MultiInference"])
def test_1_1_garbage_is_internal_and_no_traceback_in_the_log(small_models_server, method):
    path = f"/tensorflow.serving.PredictionService/{method}"
    call = small_models_server.channel.unary_unary(path)
    garbage_example = b"\x12\x05\x0a\x03\x0a\x01\xff"  # input { example_list { examples: "\xff" } }
    for data in (b"\xff\xff\xff", garbage_example):
        assert failure(call, data)[0] == grpc.StatusCode.INTERNAL
    assert "Traceback" not in small_models_server.log
