"""What is counted of a request and of a load: section 8 of the API page, in this process."""

import numpy as np
import pytest

from serving.server import load_metrics, metrics
from serving.server.observation import Observation, ObservedModel, current, observe
from serving.server.status import Code, StatusError

SERVING = ":tensorflow:serving:"


def values(*texts):
    """The numbers of the page's lines that contain all of the texts."""
    lines = [line for line in metrics.page().splitlines() if all(text in line for text in texts)]
    return [float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")]


def answer(transport, method, model, error=None, rows=None):
    with observe(Observation(transport, method, model=model)):
        current().rows = rows
        if error:
            raise error


@pytest.mark.parametrize("method", ["Predict", "Classify", "Regress"])
def test_8_inference_over_grpc_is_counted(method):
    model = f"counted-{method}"
    answer("GRPC", method, model)
    assert values(SERVING + "request_count{", model) == [1]
    assert values(SERVING + "request_latency_count{", model, f'API="{method}"', "GRPC") == [1]


@pytest.mark.parametrize("method", ["MultiInference", "GetModelMetadata", "GetModelStatus"])
def test_8_other_grpc_methods_are_not_counted(method):
    answer("GRPC", method, f"other-{method}")
    assert values(SERVING + "request_count{", f"other-{method}") == []
    assert values(SERVING + "request_latency_count{", f"other-{method}") == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(StatusError(Code.NOT_FOUND, "no"), "NOT_FOUND"), (ValueError("no"), "INTERNAL")],
    ids=["status", "bug"],
)
def test_8_failures_are_counted_by_status_and_without_latency(error, status):
    with pytest.raises(type(error)):
        answer("REST", "predict", f"failed-{status}", error)
    assert values(SERVING + "request_count{", f"failed-{status}", f'status="{status}"') == [1]
    assert values(SERVING + "request_latency_count{", f"failed-{status}") == []


def test_8_examples_are_counted_of_multi_inference_alone():
    answer("GRPC", "MultiInference", "examples", rows=3)
    answer("GRPC", "MultiInference", "examples", rows=2)
    answer("GRPC", "Classify", "examples", rows=5)
    model = 'model="examples"'
    assert values(SERVING + "request_example_count_total{" + model) == [5]
    assert values(SERVING + "request_example_counts_bucket{" + model, 'le="4"') == [2]
    assert values(SERVING + "request_example_counts_sum{" + model) == [5]


class Doubler:
    """A model of one input and one output."""

    def __init__(self):
        self.signatures = {}

    def run(self, feeds, fetches, timeout_s=None):
        return [2 * feeds["x"]]


@pytest.mark.parametrize(
    ("transport", "method", "api"),
    [
        ("GRPC", "Predict", "Predict"), ("GRPC", "MultiInference", "MultiInference"),
        ("REST", "predict", "Predict"), ("REST", "classify", "Classify"),
        ("REST", "regress", "Regress"),
    ],
)  # fmt: skip
def test_8_the_api_of_a_run_has_a_capital_letter(transport, method, api):
    model = f"runs-{transport}-{method}"
    with observe(Observation(transport, method, model=model)):
        ObservedModel(Doubler(), "/m/7").run({"x": np.zeros(3)}, ["y"])
        assert (current().version, current().rows) == (7, 3)
    labels = f'model_name="{model}",API="{api}",runtime="TF1"'
    assert values(f"{SERVING}runtime_latency_count{{{labels}}}") == [1]


def test_8_a_load_that_fails_is_counted_and_has_no_latency():
    with pytest.raises(StatusError), load_metrics.load_attempt("/m/failing"):
        raise StatusError(Code.NOT_FOUND, "gone")
    labels = 'model_path="/m/failing",status="fail"'
    assert values(":tensorflow:cc:saved_model:load_attempt_count{" + labels) == [1]
    assert values(":tensorflow:cc:saved_model:load_latency{", "/m/failing") == []


@pytest.mark.parametrize(
    ("records", "code", "counted"), [(0, Code.OK, []), (0, Code.UNKNOWN, [1]), (4, Code.OK, [1])]
)
def test_8_warm_ups_are_counted_by_status(records, code, counted):
    path = f"/m/{records}-{code.name}"
    load_metrics.warmed_up(path, records, 0.0, code)
    labels = f'model_path="{path}",status="{code.name}"'
    assert values(f"{SERVING}model_warmup_latency_count{{{labels}") == counted
    assert values(f"{SERVING}model_warmup_records_read{{{labels}") == [records] * len(counted)


def test_a_thread_that_answers_nothing_has_no_request():
    current().rows = 3
    assert current().rows is None
