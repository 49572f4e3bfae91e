"""Warm-up records (section 5.6) and --enable_signature_method_name_check (section 2.3)."""

import grpc
import pytest
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import loader, warmup
from serving.server.status import StatusError
from tests.serving import example_models
from tests.serving.example_requests import (
    CLASSIFY,
    REGRESS,
    classification,
    example,
    multi_inference,
    regression,
)
from tests.serving.served_models import add_warm_up
from tests.serving.server_process import failure, predict_request, running_server, write_config

X = example(x=2.0)
PREDICT_LOG = predict_request("", x=[[2.0]])
CLASSIFY_LOG = classification("any name", "classify", X)
REGRESS_LOG = regression("", "regress", X)
MULTI_LOG = multi_inference(("m", "regress", REGRESS), ("m", "classify", CLASSIFY), examples=(X,))


def record(**logs) -> bytes:
    """A PredictionLog; its request's version matters as little as its model's name."""
    log = prediction_log_pb2.PredictionLog()
    for kind, request in logs.items():
        getattr(log, kind).request.CopyFrom(request)
        if kind != "multi_inference_log":
            getattr(log, kind).request.model_spec.version.value = 99
    return log.SerializeToString()


ALL_KINDS = [
    record(predict_log=PREDICT_LOG), record(classify_log=CLASSIFY_LOG),
    record(regress_log=REGRESS_LOG), record(multi_inference_log=MULTI_LOG),
]  # fmt: skip


class Counted:
    """A model that counts its runs."""

    def __init__(self, model: loader.LoadedModel):
        self._model, self.signatures, self.runs = model, model.signatures, 0

    def run(self, *args):
        self.runs += 1
        return self._model.run(*args)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm") / "1"
    example_models.half_plus_two_examples_tf1(folder)
    model = loader.load(str(folder), ["serve"], None)
    yield model
    model.close()


@pytest.fixture
def warm_up(loaded, tmp_path):
    """Writes records and replays them: (how many, how many runs)."""

    def run(records: list[bytes], iterations: int = 1, check_method_name: bool = False):
        add_warm_up(tmp_path, records)
        model = Counted(loaded)
        return warmup.warm_up(model, str(tmp_path), iterations, check_method_name), model.runs

    return run


@pytest.mark.parametrize("iterations", [1, 3])
def test_5_6_all_kinds_run_each_as_often_as_asked(warm_up, iterations):
    assert warm_up(ALL_KINDS, iterations) == (4, 4 * iterations)


def test_5_6_the_file_is_optional(loaded, tmp_path):
    assert warmup.warm_up(Counted(loaded), str(tmp_path), 1) == 0


def other_log(**kinds) -> bytes:
    return prediction_log_pb2.PredictionLog(**kinds).SerializeToString()


@pytest.mark.parametrize(
    ("records", "message"),
    [
        pytest.param([other_log()], "UNIMPLEMENTED: Unsupported log_type for warmup: 0", id="none"),
        pytest.param(
            [other_log(session_run_log={})], "UNIMPLEMENTED: Unsupported log_type for warmup: 5",
            id="session-run",
        ),
        pytest.param(
            [other_log(predict_streamed_log={})],
            "UNIMPLEMENTED: Unsupported log_type for warmup: 7", id="streamed",
        ),
        pytest.param(
            [record(predict_log=predict_request("", "nope"))],
            'FAILED_PRECONDITION: Serving signature key "nope" not found.', id="predict",
        ),
        pytest.param(
            [record(classify_log=classification("", "nope", X))],
            "INVALID_ARGUMENT: No signature was found with the name: nope", id="classify",
        ),
        pytest.param(
            [record(regress_log=regression("", "regress"))], "INVALID_ARGUMENT: Input is empty.",
            id="regress",
        ),
        pytest.param(
            [record(multi_inference_log=multi_inference(("m", "regress", "")))],
            "UNIMPLEMENTED: Unsupported signature method_name: ", id="multi-inference",
        ),
        pytest.param(
            [record(regress_log=regression("", "regress", example(x=1)))],
            "INVALID_ARGUMENT: Name: <unknown>, Key: x, Index: 0.  Data types don't match.",
            id="the-run",
        ),
        pytest.param(
            [b"\xff"], "INVALID_ARGUMENT: Failed to parse warmup record: ", id="not-a-log"
        ),
        pytest.param(
            [record(predict_log=PREDICT_LOG)] * 1001,
            "INVALID_ARGUMENT: Number of warmup records exceeds the maximum (1000) at /", id="1001",
        ),
    ],
)  # fmt: skip
def test_5_6_any_failure_fails_the_load(warm_up, records, message):
    with pytest.raises(StatusError) as caught:
        warm_up(records)
    assert str(caught.value).startswith(message)


def test_5_6_a_file_of_another_format(loaded, tmp_path):
    add_warm_up(tmp_path, [])
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    path.write_bytes(b"no TFRecords at all")
    with pytest.raises(StatusError) as caught:
        warmup.warm_up(Counted(loaded), str(tmp_path), 1)
    assert caught.value.message.endswith("Please verify your warmup data is in TFRecord format.")


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_5_6_the_method_is_checked_as_in_requests(warm_up, kind):
    regress_by_classify = record(classify_log=classification("", "regress_plus_three", X))
    classify_by_regress = record(regress_log=regression("", "classify_scores", X))
    records = [regress_by_classify if kind == "classify" else classify_by_regress]
    with pytest.raises(StatusError, match="signature method_name to be"):
        warm_up([*ALL_KINDS, *records], check_method_name=True)


EXPECTED_CLASSIFY = (
    "Expected classification signature method_name to be tensorflow/serving/classify"
)
EXPECTED_REGRESS = "Expected regression signature method_name to be tensorflow/serving/regress"


@pytest.fixture(scope="module")
def checking_server(tmp_path_factory):
    """A server that checks methods; both of its models have warm-up records."""
    root = tmp_path_factory.mktemp("checking")
    add_warm_up(example_models.half_plus_two_examples_tf1(_base(root, "tf1") / "1"), ALL_KINDS)
    add_warm_up(example_models.half_plus_two_examples_tf2(_base(root, "tf2") / "1"), ALL_KINDS[:1])
    models = write_config(root / "config", {name: (root / name, "") for name in ("tf1", "tf2")})
    flags = (models, "--enable_signature_method_name_check", "--num_load_threads=2")
    with running_server(root / "log", *flags) as server:
        yield server.wait_until_ready()


def _base(root, name):
    (root / name).mkdir()
    return root / name


def test_2_3_the_method_name_check(checking_server):
    stub, invalid = checking_server.predictions, grpc.StatusCode.INVALID_ARGUMENT
    assert "not supported" not in checking_server.log
    assert stub.Classify(classification("tf1", "classify", X)).result.classifications
    assert stub.Regress(regression("tf1", "regress", X)).result.regressions[0].value == 3.0
    was = ". Was: tensorflow/serving/"
    for model, signature, message in (
        ("tf1", "regress", f"{EXPECTED_CLASSIFY}{was}regress"),
        ("tf1", "serving_default", f"{EXPECTED_CLASSIFY}{was}predict"),  # before its input's name
        ("tf2", "classify", f"{EXPECTED_CLASSIFY}{was}predict"),
    ):
        assert failure(stub.Classify, classification(model, signature, X)) == (invalid, message)
    message = f"{EXPECTED_REGRESS}{was}predict"
    assert failure(stub.Regress, regression("tf2", "regress", X)) == (invalid, message)
    multi = multi_inference(("tf2", "regress", REGRESS), examples=(X,))
    assert failure(stub.MultiInference, multi) == (invalid, message)


def test_2_3_the_method_name_check_over_rest(checking_server):
    for model, method, status in (("tf1", "regress", 200), ("tf2", "regress", 400)):
        body = f'{{"signature_name": "{method}", "examples": [{{"x": 2.0}}]}}'
        answer = checking_server.post(f"{model}:{method}", body)
        assert answer[0] == status
        assert (EXPECTED_REGRESS in answer[1]) == (status == 400)
