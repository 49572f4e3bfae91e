"""A server with batching, metrics and an access log: sections 4.8, 7 and 8 of the API page.

Only `pairs`, `full` and `warm` are batched: the server reads each version's own parameters.
"""

import concurrent.futures
import json
import re
import threading

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import app, batching_setup, flags, loader
from serving.server.batching import BatchedModel
from serving.server.preflight import StartError
from tests.serving import served_models
from tests.serving.example_requests import (
    CLASSIFY,
    REGRESS,
    classification,
    example,
    multi_inference,
    regression,
)
from tests.serving.server_process import (
    error,
    failure,
    predict_request,
    running_server,
    write_config,
)

A_MINUTE = "batch_timeout_micros { value: 60000000 }"
PARAMETERS = {
    "pairs": f"max_batch_size {{ value: 2 }} {A_MINUTE}",
    "full": f"max_batch_size {{ value: 2 }} max_enqueued_batches {{ value: 1 }} {A_MINUTE}",
    "warm": "max_batch_size { value: 4 } allowed_batch_sizes: 4",
    "plain": None,
}
SECRET = "the very text of a request"
METRICS = "/metrics/of/mine"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("batching")
    for name, parameters in PARAMETERS.items():
        (root / name).mkdir()
        version = served_models.workbench(root / name / "7")
        if parameters:
            (version / "batching_params.pbtxt").write_text(parameters)
    record = prediction_log_pb2.PredictionLog()
    record.predict_log.request.CopyFrom(predict_request("any", a=[1.0]))
    served_models.add_warm_up(root / "warm" / "7", [record.SerializeToString()])
    monitoring = root / "monitoring.config"
    monitoring.write_text(f'prometheus_config {{ enable: true path: "{METRICS}" }}')
    config = write_config(root / "config", {name: (root / name, "") for name in PARAMETERS})
    more = ("--enable_batching", "--enable_per_model_batching_parameters",
            f"--monitoring_config_file={monitoring}", "--access_log=json",
            "--rest_api_timeout_in_ms=4000", "--grpc_max_threads=32",
            "--num_request_iterations_for_warmup=3")  # fmt: skip
    with running_server(root / "log", config, *more) as server:
        yield server.wait_until_ready()


def metrics(server):
    response = server.http.get(METRICS)
    assert response.status_code == 200
    return response.text.splitlines()


def value(server, line):
    """The number behind a line's name and labels; 0 when there is no such line."""
    found = [each.rpartition(" ") for each in metrics(server)]
    return float(next((number for name, _, number in found if name == line), 0))


# --- batching (7) ---


def test_7_grpc_and_rest_share_a_queue(server):
    with concurrent.futures.ThreadPoolExecutor(2) as clients:
        over_grpc = clients.submit(server.predict, "pairs", a=[1.0])
        over_rest = clients.submit(server.post, "pairs:predict", '{"instances": [2.0]}')
        assert over_grpc.result().outputs["y"].float_val == [1.0]
        assert over_rest.result() == (200, '{"predictions": [2.0]}')


def test_7_a_request_larger_than_a_batch(server):
    message = "Task size 3 is larger than maximum input batch size 2"
    with pytest.raises(grpc.RpcError) as caught:
        server.predict("pairs", a=[1.0, 2.0, 3.0])
    assert (caught.value.code(), caught.value.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT, message
    )  # fmt: skip
    status, body = server.post("pairs:predict", '{"instances": [1.0, 2.0, 3.0]}')
    assert (status, json.loads(body)["error"]) == (400, message)


def of_every_method(model, rows):
    """A request for each method, to signatures that would run for hours."""
    examples = [example(x=1.0)] * rows
    classify, regress = "endless_classify", "endless_regress"
    tasks = [(model, classify, CLASSIFY), (model, regress, REGRESS)]
    return {
        "Predict": predict_request(model, classify, inputs=[b"x"] * rows),
        "Classify": classification(model, classify, *examples),
        "Regress": regression(model, regress, *examples),
        "MultiInference": multi_inference(*tasks, examples=examples),
    }


@pytest.mark.parametrize("method", ["Predict", "Classify", "Regress", "MultiInference"])
def test_7_every_method_goes_through_the_queue(server, method):
    request = of_every_method("pairs", rows=3)[method]
    assert failure(getattr(server.predictions, method), request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Task size 3 is larger than maximum input batch size 2",
    )


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_7_so_does_rest(server, method):
    body = {"signature_name": f"endless_{method}", "examples": [{}] * 3}
    assert error(server.post(f"pairs:{method}", json.dumps(body))) == (
        400, "Task size 3 is larger than maximum input batch size 2"
    )  # fmt: skip


@pytest.mark.parametrize("method", ["Predict", "Classify", "Regress", "MultiInference"])
def test_1_1_the_deadline_ends_the_run_itself(server, method):
    """The client gives up by its own clock; the log says that the server does too."""
    code, _ = failure(getattr(server.predictions, method), of_every_method("plain", 1)[method], 0.3)
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    server.wait_for_log(f'"method": "{method}", "model": "plain", "version": 7')
    lines = [json.loads(line) for line in server.log.splitlines()]
    (line,) = [
        one for one in lines
        if one.get("method") == method and one["signature"].startswith("endless")
        and one["model"] == "plain"
    ]  # fmt: skip
    assert line["status"] == "DEADLINE_EXCEEDED"


def test_7_a_full_queue_is_503_and_a_deadline_in_the_queue_429(server):
    with concurrent.futures.ThreadPoolExecutor(1) as client:
        # It waits for a second row, which does not come, until its time is over.
        one_row = (server.post, "full:predict", '{"instances": [1.0]}')
        waits = client.submit(*one_row)
        message = (
            "The batch scheduling queue to which this task was submitted is full; currently 1 "
            "batches enqueued and max_enqueued_batches is 1"
        )
        while (answer := server.post("full:predict", '{"instances": [1.0, 2.0]}'))[0] == 200:
            if waits.done():  # it came while these two rows were the queue
                waits = client.submit(*one_row)
        assert (answer[0], json.loads(answer[1])["error"]) == (503, message)
        with pytest.raises(grpc.RpcError) as caught:
            server.predict("full", a=[1.0, 2.0])
        assert (caught.value.code(), caught.value.details()) == (
            grpc.StatusCode.UNAVAILABLE, message
        )  # fmt: skip
        status, body = waits.result()
    assert (status, json.loads(body)["error"]) == (
        429, "Run() timeout exceeded while waiting in batching queue"
    )  # fmt: skip


def test_7_signatures_that_cannot_be_batched(server):
    status, body = server.post("pairs:predict", '{"signature_name": "slow", "inputs": 1}')
    assert (status, json.loads(body)["error"]) == (
        400, "Batching Run() input tensors must have at least one dimension"
    )  # fmt: skip


def test_6_a_version_without_its_file_is_not_batched(server):
    assert server.post("plain:predict", '{"signature_name": "slow", "inputs": 1}') == (
        200, '{"outputs": 1}'
    )  # fmt: skip


def test_5_6_warm_up_goes_through_batching_as_often_as_asked(server):
    prefix = ":tensorflow:serving:batching_session:"
    # One row, filled to four, three times.
    assert value(server, prefix + 'padding_size_sum{execution_batch_size="4"}') == 9


def test_6_the_file_of_parameters_is_for_every_version(tmp_path):
    path = tmp_path / "batching"
    path.write_text("max_batch_size { value: 5 }")
    parsed = flags.parse(["--enable_batching", f"--batching_parameters_file={path}"])
    batching = batching_setup.from_flags(parsed)

    version = served_models.workbench(tmp_path / "1")
    loaded = loader.load(str(version), ["serve"], config_pb2.ConfigProto())
    model = batching.wrap(loaded, str(version))
    assert isinstance(model, BatchedModel)
    assert model.parameters.max_batch_size == 5
    assert batching_setup.from_flags(flags.parse([])) is None


def test_6_the_threads_are_for_all_versions_also_with_parameters_of_their_own(tmp_path):
    path, own = tmp_path / "batching", "num_batch_threads { value: 5 } max_batch_size { value: 3 }"
    path.write_text('num_batch_threads { value: 2 } thread_pool_name { value: "global" }')
    per_model = "--enable_per_model_batching_parameters"
    batching = batching_setup.from_flags(
        flags.parse(["--enable_batching", f"--batching_parameters_file={path}", per_model])
    )
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "batching_params.pbtxt").write_text(own)
        model = batching.wrap(
            loader.SessionModel(None, meta_graph_pb2.MetaGraphDef()), str(tmp_path / version)
        )
        assert model.parameters.max_batch_size == 3
    names = [thread.name for thread in threading.enumerate()]
    assert sorted(name for name in names if name.startswith("global")) == ["global-0", "global-1"]


@pytest.mark.parametrize(
    ("flag", "text", "message"),
    [
        ("batching_parameters_file", "max_batch_size { value: 4 } allowed_batch_sizes: 2",
         "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 2; "
         "expected 4"),
        ("batching_parameters_file", "max_batch_size: 4", "expected a BatchingParameters in"),
        ("monitoring_config_file", "prometheus { }", "expected a MonitoringConfig in"),
        ("monitoring_config_file", None, "No such file or directory"),
    ],
    ids=["sizes", "no-parameters", "no-config", "no-file"],
)  # fmt: skip
def test_6_a_file_that_cannot_be_used_ends_the_start(tmp_path, flag, text, message):
    path = tmp_path / "file"
    if text is not None:
        path.write_text(text)
    arguments = ["--model_base_path=/m", "--enable_batching", f"--{flag}={path}"]
    with pytest.raises(StartError) as caught:
        app.serve(flags.parse(arguments))
    assert str(caught.value).startswith(f"error: --{flag}={path}: {message}")


# --- metrics (4.8, 8) ---


def test_4_8_the_page_is_plain_text_at_its_path(server):
    response = server.http.get(METRICS)
    assert response.headers["content-type"] == "text/plain"
    assert server.http.get("/monitoring/prometheus/metrics").status_code == 404


def test_4_8_a_query_string_is_400(server):
    assert server.http.get(METRICS + "?x=1").status_code == 400


def test_4_8_without_the_flag_it_is_404(small_models_server):
    assert small_models_server.http.get("/monitoring/prometheus/metrics").status_code == 404


def test_8_prometheus_reads_the_page(server):
    families = {family.name: family for family in text_string_to_metric_families(
        server.http.get(METRICS).text
    )}  # fmt: skip
    kinds = {name: family.type for name, family in families.items()}
    serving = ":tensorflow:serving:"
    histograms = ("request_latency", "runtime_latency", "request_example_counts",
                  "model_warmup_latency", "batching_session:queuing_latency",
                  "batching_session:padding_size", "batching_session:input_batch_size",
                  "batching_session:processed_batch_size")  # fmt: skip
    # The parser takes a trailing _total off a counter's name.
    counters = ("request_count", "request_example_count", "model_warmup_records_read",
                "batching_session:wrapped_run_count", "request_log_count")  # fmt: skip
    others = (":tensorflow:cc:saved_model:load_attempt_count",
              ":tensorflow:cc:saved_model:load_latency", ":tensorflow:core:graph_runs")  # fmt: skip
    expected = {serving + name: "histogram" for name in histograms}
    expected |= {serving + name: "counter" for name in counters}
    expected |= dict.fromkeys(others, "counter")
    assert {name: kinds.get(name) for name in expected} == expected
    assert all("TYPE" in line or "{" in line for line in metrics(server))


def test_8_requests_are_counted_by_model_and_status(server):
    server.predict("plain", a=[1.0])
    with pytest.raises(grpc.RpcError):
        server.predict("absent", a=[1.0])
    assert server.post("plain:predict", "{")[0] == 400
    assert server.post("gone:predict", "{}")[0] == 404
    before = value(
        server, ':tensorflow:serving:request_count{model_name="",status="INVALID_ARGUMENT"}'
    )
    server.http.put("/v1/models/plain")
    server.http.get("/v1/models")
    counted = {
        ("plain", "INVALID_ARGUMENT"): 1, ("absent", "NOT_FOUND"): 1, ("gone", "NOT_FOUND"): 1,
        ("", "INVALID_ARGUMENT"): before + 2,
    }  # fmt: skip
    for (model, status), count in counted.items():
        labels = f'model_name="{model}",status="{status}"'
        assert value(server, f":tensorflow:serving:request_count{{{labels}}}") == count


def test_8_latencies_name_the_api_and_the_entrypoint(server):
    latency, runtime = (f":tensorflow:serving:{name}_latency_count" for name in
                        ("request", "runtime"))  # fmt: skip
    lines = {
        "gRPC": latency + '{model_name="plain",API="Predict",entrypoint="GRPC"}',
        "REST": latency + '{model_name="plain",API="predict",entrypoint="REST"}',
        "status": latency + '{model_name="plain",API="",entrypoint="REST"}',
        "run": runtime + '{model_name="plain",API="Predict",runtime="TF1"}',
    }
    before = {name: value(server, line) for name, line in lines.items()}
    server.predict("plain", a=[1.0])
    server.post("plain:predict", '{"instances": [1.0]}')
    server.http.get("/v1/models/plain")
    server.http.get("/v1/models/plain/metadata")
    server.post("plain:predict", '{"instances": ["x"]}')  # failures have no latency
    server.metadata("plain")  # and these gRPC methods are not counted at all
    server.status("plain")
    grown = {name: value(server, line) - before[name] for name, line in lines.items()}
    assert grown == {"gRPC": 1, "REST": 1, "status": 2, "run": 2}


def test_8_batches_are_counted(server):
    session = ":tensorflow:serving:batching_session:"
    lines = [
        session + "wrapped_run_count{}", session + 'queuing_latency_count{thread_pool_name=""}',
        session + "input_batch_size_sum{}", session + "processed_batch_size_sum{}",
        session + 'padding_size_sum{execution_batch_size="4"}', ":tensorflow:core:graph_runs{}",
    ]  # fmt: skip
    before = [value(server, line) for line in lines]
    server.predict("warm", a=[1.0])
    assert [value(server, line) - old for line, old in zip(lines, before, strict=True)] == [
        1, 1, 1, 4, 3, 1,
    ]  # fmt: skip


def test_8_loads_and_warm_ups_are_counted(server):
    page = metrics(server)
    loads = [line for line in page if "load_attempt_count{" in line]
    assert len(loads) == len(PARAMETERS)
    for line in loads:
        assert re.search(r'_count\{model_path="/.*/7",status="success"\} 1$', line)
    assert (
        len([line for line in page if re.search(r"load_latency\{model_path=.*\} \d+", line)]) == 4
    )
    (records,) = [line for line in page if ":model_warmup_records_read{" in line]
    assert re.search(r'\{model_path="/.*/warm/7",status="OK"\} 1$', records)
    (latency,) = [line for line in page if ":model_warmup_latency_count{" in line]
    assert latency.endswith(" 1")


# --- the access log ---


def test_the_access_log_has_every_request_and_no_text(server):
    request = predict_request("plain", "text", text=[SECRET] * 3)
    server.predictions.Predict(request)
    body = json.dumps({"signature_name": "text", "instances": [SECRET, SECRET]})
    assert server.post("plain:predict", body)[0] == 200
    body = json.dumps({"instances": [SECRET]})
    assert server.post("plain:predict", body)[0] == 400
    server.status("plain")
    server.wait_for_log('"method": "GetModelStatus"')
    lines = [json.loads(line) for line in server.log.splitlines()]  # each is JSON
    assert all(line["level"] and line["time"] for line in lines)
    assert "gRPC: listening" in "".join(line.get("message", "") for line in lines)
    served = [line for line in lines if line.get("signature") == "text"]
    for line, (transport, method, rows) in zip(
        served, [("GRPC", "Predict", 3), ("REST", "predict", 2)], strict=True
    ):
        assert line["milliseconds"] > 0
        assert re.search(r"(127\.0\.0\.1|::1).*\d+$", line["client"])
        del line["time"], line["milliseconds"], line["client"]
        assert line == {
            "level": "INFO", "transport": transport, "method": method, "model": "plain",
            "version": 7, "signature": "text", "rows": rows, "status": "OK",
        }  # fmt: skip
    assert any(line.get("status") == "INVALID_ARGUMENT" for line in lines)
    assert SECRET not in server.log
