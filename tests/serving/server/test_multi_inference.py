"""MultiInference over gRPC (section 2.4 of the API page), against a real server."""

import grpc
import pytest

from tests.serving.example_requests import CLASSIFY, REGRESS, example, multi_inference
from tests.serving.server_process import failure

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])
def test_2_4_results_are_in_task_order(small_models_server, model):
    request = multi_inference(
        (model, "regress_plus_three", REGRESS), (model, "classify", CLASSIFY),
        (model, "regress", REGRESS), examples=(example(x=2.0), example(x=40.0)),
    )  # fmt: skip
    first, second, third = small_models_server.predictions.MultiInference(request).results
    assert [each.value for each in first.regression_result.regressions] == [4.0, 23.0]
    assert [each.value for each in third.regression_result.regressions] == [3.0, 22.0]
    classes = second.classification_result.classifications[1].classes
    assert [(each.label, each.score) for each in classes] == [("plus", 22.0), ("minus", -22.0)]
    for result, name in ((first, "regress_plus_three"), (second, "classify"), (third, "regress")):
        assert result.model_spec.name == model
        assert result.model_spec.version.value == 123
        assert result.model_spec.signature_name == name


def test_2_4_the_default_signature_is_named(small_models_server):
    request = multi_inference(("misfits", "", CLASSIFY))
    (result,) = small_models_server.predictions.MultiInference(request).results
    assert result.model_spec.signature_name == "serving_default"


def test_2_4_signatures_may_be_fed_by_different_tensors(small_models_server):
    request = multi_inference(
        ("misfits", "regress", REGRESS), ("misfits", "other_placeholder", REGRESS)
    )
    results = small_models_server.predictions.MultiInference(request).results
    size = float(example(x=2.0).ByteSize())
    values = [result.regression_result.regressions[0].value for result in results]
    assert values == [0.0, size]


def test_2_4_the_context_counts_for_every_task(small_models_server):
    request = multi_inference(("examples_tf1", "regress", REGRESS))
    request.input.example_list_with_context.context.CopyFrom(example(x=2.0))
    request.input.example_list_with_context.examples.append(example())
    (result,) = small_models_server.predictions.MultiInference(request).results
    assert result.regression_result.regressions[0].value == 3.0


BENCH = "examples_tf1"
MULTI_ERRORS = [
    pytest.param([], INVALID, "ModelSpec has no name specified.", id="no-task"),
    pytest.param([("", "", "")], INVALID, "ModelSpec has no name specified.", id="first-unnamed"),
    pytest.param(
        [("nope", "", "")], NOT_FOUND, "Servable not found for request: Latest(nope)", id="model"
    ),
    pytest.param(
        [(BENCH, "regress", REGRESS), ("", "regress", REGRESS)], INVALID,
        "Found ModelSpec with an empty model name.", id="second-unnamed",
    ),
    pytest.param(
        [(BENCH, "regress", REGRESS), ("examples_tf2", "nope", "")], INVALID,
        "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        id="two-models",
    ),
    pytest.param(
        [(BENCH, "regress", REGRESS), (BENCH, "regress", "")], INVALID,
        "Duplicate evaluation of signature: regress", id="signature-twice",
    ),
    pytest.param(
        [("misfits", "", CLASSIFY), ("misfits", "serving_default", CLASSIFY)], INVALID,
        "Duplicate evaluation of signature: serving_default", id="default-twice",
    ),
    pytest.param(
        [(BENCH, "nope", "")], INVALID, "Requested signature not found in model graph: nope",
        id="signature",
    ),
    pytest.param(
        [(BENCH, "regress", "tensorflow/serving/predict")], grpc.StatusCode.UNIMPLEMENTED,
        "Unsupported signature method_name: tensorflow/serving/predict", id="method",
    ),
    pytest.param(
        [("misfits", "regress_two_outputs", REGRESS)], INVALID, "Expected one output Tensor.",
        id="checks-of-regress",
    ),
    pytest.param(
        [(BENCH, "regress", REGRESS), ("examples_tf1", "nope", REGRESS)], INVALID,
        "Requested signature not found in model graph: nope", id="later-task",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tasks", "code", "message"), MULTI_ERRORS)
def test_2_4_errors(small_models_server, tasks, code, message):
    multi = small_models_server.predictions.MultiInference
    assert failure(multi, multi_inference(*tasks, examples=())) == (code, message)


def test_2_4_no_example(small_models_server):
    request = multi_inference((BENCH, "regress", REGRESS), examples=())
    multi = small_models_server.predictions.MultiInference
    assert failure(multi, request) == (INVALID, "Input is empty.")


def test_2_4_an_output_that_does_not_fit(small_models_server):
    request = multi_inference(("misfits", "regress_integers", REGRESS))
    assert failure(small_models_server.predictions.MultiInference, request) == (
        INVALID, "Expected output Tensor of DT_FLOAT.  Got: DT_INT32",
    )  # fmt: skip
