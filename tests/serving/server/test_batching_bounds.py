"""Batching beside what else bounds, changes and ends a server: sections 1.1, 3.2, 7 and 8.

The tests share a server; the last one ends it.
"""

import concurrent.futures
import signal

import grpc
import pytest
from google.protobuf import text_format
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import model_management_pb2, prediction_log_pb2

from tests.serving.served_models import add_warm_up, workbench
from tests.serving.server.test_lifecycle import wait_for
from tests.serving.server_process import error, model_list, predict_request, running_server

METRICS = "/monitoring/prometheus/metrics"
SERVING = ":tensorflow:serving:"
COUNTERS = ("/tensorflow/serving/request_count", "/tensorflow/core/graph_runs")
# A batch of "fills" is never full, one of "soon" goes two seconds after its first row.
PARAMETERS = {
    "fills": "max_batch_size { value: 64 } batch_timeout_micros { value: 60000000 }",
    "soon": "max_batch_size { value: 64 } batch_timeout_micros { value: 2000000 }",
    "plain": None,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("bounds")
    for name, parameters in PARAMETERS.items():
        (root / name).mkdir()
        version = workbench(root / name / "1")
        if parameters:
            (version / "batching_params.pbtxt").write_text(parameters)
    record = prediction_log_pb2.PredictionLog()
    record.predict_log.request.CopyFrom(predict_request("any", a=[1.0]))
    add_warm_up(root / "plain" / "1", [record.SerializeToString()])
    return root


@pytest.fixture(scope="module")
def server(root):
    (root / "monitoring").write_text("prometheus_config { enable: true }")
    (root / "config").write_text(
        model_list({name: (root / name, "") for name in ("fills", "soon")})
    )
    flags = (
        f"--model_config_file={root / 'config'}", "--enable_batching",
        "--enable_per_model_batching_parameters", f"--monitoring_config_file={root / 'monitoring'}",
        "--num_request_iterations_for_warmup=3", "--grpc_max_threads=4",
        "--rest_api_num_threads=2", "--rest_api_timeout_in_ms=4000",
    )  # fmt: skip
    with running_server(root / "log", *flags) as process:
        yield process.wait_until_ready()


@pytest.fixture
def clients():
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        yield threads


def value(server, line: str) -> float:
    """The number behind a line's name and labels; 0 when there is no such line."""
    found = [each.rpartition(" ") for each in server.http.get(METRICS).text.splitlines()]
    return float(next((number for name, _, number in found if name == line), 0))


def submitted(server) -> float:
    """Runs that have come to a queue so far."""
    return value(server, SERVING + "batching_session:input_batch_size_count{}")


def reload(server, root, *names: str) -> dict[str, int]:
    """Replaces the models; by how much the counters have grown meanwhile."""
    request = model_management_pb2.ReloadConfigRequest(metric_names=COUNTERS)
    text_format.Parse(model_list({name: (root / name, "") for name in names}), request.config)
    response = server.models.HandleReloadConfigRequest(request, timeout=60)
    return {metric.name: metric.int64_value_increase for metric in response.metric}


def test_1_1_a_request_that_waits_for_its_batch_holds_its_thread(server, clients):
    before = submitted(server)
    request = predict_request("fills", a=[1.0])
    waiting = [server.predictions.Predict.future(request, timeout=3) for _ in range(4)]
    wait_for(lambda: submitted(server) == before + 4)
    with pytest.raises(grpc.RpcError) as caught:
        server.predict("soon", a=[1.0])  # a model that has nothing to do
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details() == "Server Threadpool Exhausted"
    # REST has threads of its own, which wait in the same queue until their time is over.
    in_queue = [clients.submit(server.post, "fills:predict", '{"instances": [1]}') for _ in "12"]
    wait_for(lambda: submitted(server) == before + 6)
    assert {call.exception().code() for call in waiting} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    assert sorted(error(one.result()) for one in in_queue) == [
        (429, "Run() timeout exceeded while waiting in batching queue"),  # the last of its batch
        (504, "Timed out waiting for notification"),
    ]
    assert server.predict("soon", a=[1.0]).outputs["y"].float_val == [1.0]


def test_3_2_what_waits_in_the_queue_of_a_model_that_leaves_is_answered(server, root, clients):
    before = submitted(server)
    waiting = clients.submit(server.predict, "soon", a=[7.0])
    wait_for(lambda: submitted(server) == before + 1)
    reload(server, root, "fills", "plain")
    with pytest.raises(grpc.RpcError) as caught:
        server.predict("soon", a=[1.0])
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert waiting.result().outputs["y"].float_val == [7.0]
    wait_for(lambda: server.status("soon") == [(1, "END", "")])
    reload(server, root, "fills", "soon")
    assert server.predict("soon", a=[8.0]).outputs["y"].float_val == [8.0]


def test_8_the_page_of_metrics_after_a_reload(server, root):
    grown = reload(server, root, "plain")
    assert grown == dict(zip(COUNTERS, (0, 3), strict=True))  # its one warm-up request, three times
    server.predict("plain", a=[1.0])
    with pytest.raises(grpc.RpcError):
        server.predict("fills", a=[1.0])
    families = list(text_string_to_metric_families(server.http.get(METRICS).text))
    counted = {
        (sample.labels["model_name"], sample.labels["status"]): sample.value
        for family in families
        for sample in family.samples
        if family.name == SERVING + "request_count"
    }
    assert counted["plain", "OK"] == 1
    assert counted["fills", "NOT_FOUND"] == 1
    assert counted["fills", "DEADLINE_EXCEEDED"] > 0  # what has left stays counted
    loads = (
        f':tensorflow:cc:saved_model:load_attempt_count{{model_path="{root}/%s",status="success"}}'
    )
    assert [value(server, loads % f"{name}/1") for name in PARAMETERS] == [1, 2, 2]
    reload(server, root, "soon")


def test_1_1_sigterm_with_requests_that_wait_for_their_batch(server, clients):
    before = submitted(server)
    over_grpc = [clients.submit(server.predict, "soon", a=[float(n)]) for n in range(3)]
    over_rest = clients.submit(server.post, "soon:predict", '{"instances": [9.0]}')
    wait_for(lambda: submitted(server) == before + 4)
    assert server.stop(signal.SIGTERM) == 0
    assert [one.result().outputs["y"].float_val[0] for one in over_grpc] == [0.0, 1.0, 2.0]
    assert over_rest.result() == (200, '{"predictions": [9.0]}')
    assert "dropped" not in server.log
    assert "Traceback" not in server.log
