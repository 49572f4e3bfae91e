"""Versions that come and go: section 5 of the API page, against real servers and real folders."""

import collections
import concurrent.futures
import os
import pathlib
import shutil
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import config
from serving.server.manager import ModelManager
from serving.server.status import StatusError
from tests.serving.served_models import add_warm_up, constant
from tests.serving.server_process import (
    ServerProcess,
    free_port,
    predict_request,
    run_server,
    running_server,
    write_config,
)

FAST_RETRIES = ("--max_num_load_retries=1", "--load_retry_interval_micros=100000")
CHANGING = ("switch", "rollback", "corrupt", "vanish", "warm", "busy")
POLICIES = {  # of models with versions 1, 2 and 3 that no test changes
    "latest": "",
    "two": "model_version_policy: { latest: { num_versions: 2 } },",
    "all": "model_version_policy { all {} }",
    "specific": "model_version_policy { specific { versions: 1 versions: 3 } } "
    'version_labels { key: "stable" value: 1 }',
}


def wait_for(condition: Callable[[], Any], timeout_s: float = 30) -> Any:
    """The first true value of `condition()`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"still {condition()} after {timeout_s} s")


def y(server: ServerProcess, model: str, version: int | None = None) -> float:
    return server.predict(model, version=version, x=1.0).outputs["y"].float_val[0]


def wait_for_y(server: ServerProcess, model: str, value: float) -> None:
    wait_for(lambda: y(server, model) == value)


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """One folder per model, with version 1, or with 1 to 3."""
    root = tmp_path_factory.mktemp("lifecycle")
    for name in (*CHANGING, *POLICIES):
        (root / name).mkdir()
        for version in (1, 2, 3) if name in POLICIES else (1,):
            constant(root / name / str(version), float(version))
    return root


@pytest.fixture(scope="module")
def server(models_dir):
    """A server whose models the tests change, each test its own."""
    models = {name: (models_dir / name, POLICIES.get(name, "")) for name in (*CHANGING, *POLICIES)}
    labels = "--allow_version_labels_for_unavailable_models"
    config_flag = write_config(models_dir / "config", models)
    flags = (config_flag, labels, *FAST_RETRIES, "--grpc_max_threads=64")
    with running_server(models_dir / "log", *flags, rest_port=0) as process:
        yield process.wait_until_ready()


def test_5_1_a_newer_version_is_taken_up_and_the_old_one_ends(server, models_dir):
    assert y(server, "switch") == 1.0
    constant(models_dir / "switch" / "00000012", 12.0)
    wait_for(lambda: server.status("switch") == [(12, "AVAILABLE", ""), (1, "END", "")])
    assert server.predict("switch", x=1.0).model_spec.version.value == 12
    assert y(server, "switch") == 12.0
    with pytest.raises(grpc.RpcError, match="Servable not found for request: Specific"):
        y(server, "switch", version=1)
    assert server.metadata("switch").model_spec.version.value == 12
    assert "model switch version 12 is available" in server.log
    assert "model switch version 1 is unloaded" in server.log


def test_5_1_removing_the_newest_version_rolls_back(server, models_dir):
    constant(models_dir / "rollback" / "2", 2.0)
    wait_for_y(server, "rollback", 2.0)
    wait_for(lambda: server.status("rollback", 1) == [(1, "END", "")])
    shutil.rmtree(models_dir / "rollback" / "2")
    wait_for(lambda: server.status("rollback") == [(2, "END", ""), (1, "AVAILABLE", "")])
    assert y(server, "rollback") == 1.0


def test_5_3_a_corrupt_version_leaves_the_old_one_serving_until_it_is_replaced(server, models_dir):
    base = models_dir / "corrupt"
    (base / "2").mkdir()
    (base / "2" / "saved_model.pb").write_bytes(b"\x0fnot a SavedModel")
    ended = wait_for(lambda: [s for s in server.status("corrupt") if s[:2] == (2, "END")])
    assert "saved_model.pb" in ended[0][2]
    assert y(server, "corrupt") == 1.0
    assert server.log.count("model corrupt version 2 failed to load") == 2  # one retry
    shutil.rmtree(base / "2")
    time.sleep(1.5)  # a poll sees that it has gone
    constant(base / "2", 2.0)
    wait_for_y(server, "corrupt", 2.0)
    assert server.status("corrupt")[0] == (2, "AVAILABLE", "")


def test_5_1_names_that_are_no_versions(server, models_dir):
    base = models_dir / "switch"
    for name in ("1_000", "v99", "99.tmp", "٩٩", "-99", "9" * 30):
        (base / name).mkdir()
    (base / "998").write_text("a file whose name is a number is a version, if a broken one")
    wait_for(lambda: [s for s in server.status("switch") if s[:2] == (998, "END")])
    assert not [s for s in server.status("switch") if s[0] in (99, 1000)]
    os.remove(base / "998")


def test_5_6_warm_up_requests_decide_whether_a_version_serves(server, models_dir):
    def record(signature_name: str) -> bytes:
        log = prediction_log_pb2.PredictionLog()
        log.predict_log.request.CopyFrom(predict_request("other name", signature_name, x=[1.0]))
        return log.SerializeToString()

    base = models_dir / "warm"
    staging = models_dir / "staging"
    staging.mkdir()
    add_warm_up(constant(staging / "2", 2.0), [record("no such signature")]).rename(base / "2")
    ended = wait_for(lambda: [s for s in server.status("warm") if s[:2] == (2, "END")])
    assert ended[0][2] == 'Serving signature key "no such signature" not found.'
    assert y(server, "warm") == 1.0
    add_warm_up(constant(staging / "3", 3.0), [record("")] * 3).rename(base / "3")
    wait_for_y(server, "warm", 3.0)


def test_5_3_no_request_fails_during_switches(server, models_dir):
    stop = threading.Event()
    seen: collections.Counter[float] = collections.Counter()

    def ask():
        while not stop.is_set():
            seen[y(server, "busy")] += 1

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        asking = [clients.submit(ask) for _ in range(16)]
        for version in (2, 3):
            constant(models_dir / "busy" / str(version), float(version))
            wait_for_y(server, "busy", version)
        stop.set()
        for one in asking:
            one.result()  # raises what a request raised
    assert set(seen) == {1.0, 2.0, 3.0}


def test_5_1_all_versions_gone_unloads_and_a_missing_base_path_does_not(server, models_dir):
    base, away = models_dir / "vanish", models_dir / "away"
    base.rename(away)
    wait_for(lambda: "model vanish: cannot list base path" in server.log)
    assert y(server, "vanish") == 1.0  # keeps serving
    constant(models_dir / "switch" / "1000", 1000.0)
    time.sleep(1.5)
    assert y(server, "switch") != 1000.0  # a missing base path stops the poll of all models
    away.rename(base)
    wait_for_y(server, "switch", 1000.0)
    (base / "1").rename(models_dir / "1")
    wait_for(lambda: server.status("vanish") == [(1, "END", "")])
    with pytest.raises(grpc.RpcError) as caught:
        y(server, "vanish")
    assert caught.value.details() == "Servable not found for request: Latest(vanish)"
    (models_dir / "1").rename(base / "1")
    wait_for(lambda: server.status("vanish") == [(1, "AVAILABLE", "")])


def test_1_1_it_waits_for_a_model_and_says_so_and_serves_without_rest(tmp_path):
    base = tmp_path / "m"
    flags = ("--model_name=m", f"--model_base_path={base}")
    with (
        socket.create_server(("0.0.0.0", 0)) as occupant,
        running_server(tmp_path / "log", *flags, rest_port=occupant.getsockname()[1]) as waiting,
    ):
        waiting.wait_for_log("model m: cannot list base path")
        base.mkdir()
        waiting.wait_for_log(f"model m: no version in {base} yet")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", waiting.port))
        constant(base / "7", 7.0)
        assert y(waiting.wait_until_ready(), "m") == 7.0
        assert f"cannot listen on --rest_api_port={occupant.getsockname()[1]}" in waiting.log


@pytest.mark.parametrize(
    ("model", "versions"),
    [("latest", [3]), ("two", [3, 2]), ("all", [3, 2, 1]), ("specific", [3, 1])],
)
def test_5_1_policies(server, model, versions):
    def available():
        return [version for version, state, _ in server.status(model) if state == "AVAILABLE"]

    wait_for(lambda: available() == versions)
    assert y(server, model) == versions[0]
    assert y(server, model, version=versions[-1]) == versions[-1]


def test_5_4_a_label_leads_to_its_version(server):
    request = predict_request("specific", x=1.0)
    request.model_spec.version_label = "stable"
    assert server.predictions.Predict(request).model_spec.version.value == 1


def test_1_1_rest_api_port_0_means_no_rest(server):
    assert y(server, "latest") == 3.0
    assert "gRPC: listening" in server.log
    assert "REST" not in server.log


def test_1_1_a_model_that_cannot_load_fails_the_start(tmp_path):
    (tmp_path / "m" / "1").mkdir(parents=True)
    ended = run_server(
        f"--port={free_port()}", "--model_name=m", f"--model_base_path={tmp_path / 'm'}",
        "--max_num_load_retries=0",
    )  # fmt: skip
    assert ended.returncode != 0
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
        "{{{name: m version: 1} due to error: NOT_FOUND: "
    )
    assert last.endswith("}, }")


def test_5_4_labels_fail_the_start_unless_allowed():
    model = config.ModelConfig("m", "/m", labels={"stable": 1})
    with pytest.raises(StatusError) as caught:
        ModelManager([model], load=lambda path: pytest.fail("loads")).start()
    assert str(caught.value) == (
        "FAILED_PRECONDITION: Request to assign label to version 1 of model m, which is not "
        "currently available for inference"
    )
