"""New configs for a server that runs: sections 3.2, 5.4 and 5.5 of the API page."""

import concurrent.futures
import os
import pathlib

import grpc
import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, prediction_log_pb2

from tests.serving.served_models import add_warm_up, constant, workbench
from tests.serving.server.test_lifecycle import wait_for, y
from tests.serving.server_process import (
    ServerProcess,
    model_list,
    predict_request,
    running_server,
)

COUNTERS = ("/tensorflow/cc/saved_model/load_attempt_count", "no such counter")
NEWEST, ALL = "", "model_version_policy { all {} } "
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def label(name: str, version: int) -> str:
    return f'version_labels {{ key: "{name}" value: {version} }} '


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("reload")
    for name in ("a", "b", "c"):
        for version in (1, 2):
            (root / name).mkdir(exist_ok=True)
            constant(root / name / str(version), float(version))
    (root / "broken" / "1").mkdir(parents=True)
    return root


@pytest.fixture(scope="module")
def server(root):
    """A server that starts without a model; every test gives it a config of its own."""
    (root / "config").write_text("model_config_list {}")
    flags = (f"--model_config_file={root / 'config'}", "--max_num_load_retries=0")
    with running_server(root / "log", *flags) as process:
        yield process.wait_until_ready()


def reload(server: ServerProcess, text: str, *metric_names: str, timeout_s: float = 60):
    request = model_management_pb2.ReloadConfigRequest(metric_names=metric_names)
    text_format.Parse(text, request.config)
    return server.models.HandleReloadConfigRequest(request, timeout=timeout_s)


def failure(call, *arguments, **options) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return caught.value.code(), caught.value.details()


def by_label(server: ServerProcess, model: str, name: str) -> float:
    request = predict_request(model, x=1.0)
    request.model_spec.version_label = name
    return server.predictions.Predict(request, timeout=60).outputs["y"].float_val[0]


def test_3_2_returns_when_new_models_are_available_and_unloads_those_left_out(server, root):
    response = reload(server, model_list({"a": (root / "a", NEWEST)}), *COUNTERS)
    assert y(server, "a") == 2.0  # without a wait
    assert (response.status.error_code, response.status.error_message) == (0, "")
    increases = [(metric.name, metric.int64_value_increase) for metric in response.metric]
    assert increases == [(COUNTERS[0], 1), (COUNTERS[1], 0)]
    reload(server, model_list({"b": (root / "b", NEWEST)}))
    assert y(server, "b") == 2.0
    wait_for(lambda: server.status("a") == [(2, "END", "")])  # listed also after its end
    message = "Servable not found for request: Latest(a)"
    assert failure(y, server, "a") == (grpc.StatusCode.NOT_FOUND, message)
    reload(server, model_list({"a": (root / "a", ALL), "b": (root / "b", NEWEST)}))
    assert y(server, "a", version=2) == 2.0  # comes back
    wait_for(lambda: server.status("a") == [(2, "AVAILABLE", ""), (1, "AVAILABLE", "")])


def model_text(more: str, base_path: str = "/m") -> str:
    return f'model_config_list {{ config {{ name: "a" base_path: "{base_path}" {more} }} }}'


REFUSED = [
    pytest.param("", "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
                 "ModelConfigList is currently supported", id="empty"),
    pytest.param("custom_model_config {}",
                 "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
                 "ModelConfigList is currently supported", id="custom"),
    pytest.param(
        'model_config_list { config { name: "a" base_path: "/m" model_platform: "tensorflow" } '
        'config { name: "a" base_path: "/m" model_platform: "tensorflow" } }',
        "Illegal to list model a multiple times in config list", id="twice"),
    pytest.param(model_text('model_platform: "tensorflow"', "models/a"),
                 "Expected model a to have an absolute path or URI; got base_path()=models/a",
                 id="relative-path"),
    pytest.param(model_text('model_platform: "pytorch"'),
                 "Illegal to change a model's platform. For model a platform was tensorflow and "
                 "new platform requested is pytorch", id="another-platform"),
    pytest.param(model_text(""),
                 "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
                 "ModelServerConfig::model_platform, model name is a", id="no-platform"),
    pytest.param(model_text('model_platform: "pytorch"').replace('"a"', '"new"'),
                 "Model new requests unsupported platform pytorch", id="unsupported-platform"),
    pytest.param(model_text('model_platform: "tensorflow" logging_config {}'),
                 "No request-logger-creator provided.", id="logging"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_3_2_a_refused_config_changes_nothing(server, root, text, message):
    reload(server, model_list({"a": (root / "a", NEWEST)}))
    assert failure(reload, server, text) == (INVALID, message)
    assert y(server, "a") == 2.0


def test_3_2_a_new_model_that_cannot_load(server, root):
    config = model_list({"a": (root / "a", NEWEST), "broken": (root / "broken", NEWEST)})
    code, message = failure(reload, server, config)
    assert code == grpc.StatusCode.UNKNOWN
    start = "1 model(s) did not become available: {{{name: broken version: 1} due to error: "
    assert message.startswith(f"{start}NOT_FOUND: Could not load SavedModel at ")
    assert message.endswith("}, }")
    assert y(server, "a") == 2.0
    assert [entry[:2] for entry in server.status("broken")] == [(1, "END")]


def test_3_2_the_wait_ends_with_the_call(server, root):
    config = model_list({"a": (root / "a", NEWEST), "later": (root / "later", NEWEST)})
    assert failure(reload, server, config, timeout_s=0.5)[0] == grpc.StatusCode.DEADLINE_EXCEEDED
    reload(server, config)  # the model is known by now: no wait
    reload(server, model_list({"a": (root / "a", NEWEST)}))
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(failure, reload, server, config)
        wait_for(lambda: server.log.count("model later: latest 1 in") == 2)
        reload(server, model_list({"a": (root / "a", NEWEST)}))
    reason = "{{{name: later} due to error: it has left the config}, }"
    message = f"1 model(s) did not become available: {reason}"
    assert waiting.result() == (grpc.StatusCode.UNKNOWN, message)


def test_1_1_the_log_says_which_version_a_call_waits_for(server, root):
    policy = "model_version_policy { specific { versions: 42 } }"
    config = model_list({"pinned": (root / "a", policy)})
    assert failure(reload, server, config, timeout_s=1)[0] == grpc.StatusCode.DEADLINE_EXCEEDED
    warning = "WARNING model pinned: version 42, which its policy names, is not in"
    server.wait_for_log(f"{warning} {root / 'a'}", timeout_s=10, times=2)


def test_5_1_policies_and_base_paths_change_at_run_time(server, root):
    reload(server, model_list({"a": (root / "a", NEWEST)}))
    reload(server, model_list({"a": (root / "a", ALL)}))
    available = [(2, "AVAILABLE", ""), (1, "AVAILABLE", "")]
    wait_for(lambda: server.status("a") == available)
    specific = "model_version_policy { specific { versions: 1 } }"
    reload(server, model_list({"a": (root / "a", specific)}))
    wait_for(lambda: server.status("a") == [(2, "END", ""), (1, "AVAILABLE", "")])
    (root / "moved").mkdir()
    constant(root / "moved" / "7", 7.0)
    reload(server, model_list({"a": (root / "moved", NEWEST)}))
    wait_for(lambda: server.status("a")[0] == (7, "AVAILABLE", ""))
    wait_for(lambda: y(server, "a") == 7.0)


def test_5_4_labels_only_for_available_versions(server, root):
    reload(server, model_list({"c": (root / "c", NEWEST)}))
    unknown = failure(by_label, server, "c", "stable")
    assert unknown == (INVALID, "Unrecognized servable version label: stable")
    reload(server, model_list({"c": (root / "c", label("stable", 2))}))
    assert by_label(server, "c", "stable") == 2.0
    refused = failure(reload, server, model_list({"c": (root / "c", ALL + label("stable", 1))}))
    message = (
        "Request to assign label to version 1 of model c, which is not currently available for "
        "inference"
    )
    assert refused == (grpc.StatusCode.FAILED_PRECONDITION, message)
    assert by_label(server, "c", "stable") == 2.0  # the labels are as they were
    assert len(server.status("c")) == 1  # and so is the rest
    reload(server, model_list({"c": (root / "c", ALL + label("stable", 2))}))
    wait_for(lambda: (1, "AVAILABLE", "") in server.status("c"))
    both = label("stable", 1) + label("canary", 2)
    reload(server, model_list({"c": (root / "c", ALL + both)}))
    assert (by_label(server, "c", "stable"), by_label(server, "c", "canary")) == (1.0, 2.0)
    reload(server, model_list({"c": (root / "c", ALL + label("canary", 2))}))
    assert failure(by_label, server, "c", "stable")[0] == INVALID
    new = failure(reload, server, model_list({"new": (root / "a", label("stable", 2))}))
    assert new[0] == grpc.StatusCode.FAILED_PRECONDITION


def test_5_5_the_file_is_read_again_and_applied_each_time(root):
    path, other = root / "polled", root / "other"
    path.write_text(model_list({"a": (root / "a", NEWEST)}))
    flags = (
        f"--model_config_file={path}", "--model_config_file_poll_wait_seconds=1",
        "--allow_version_labels_for_unavailable_models",
    )  # fmt: skip

    def put(text: str) -> None:
        other.write_text(text)
        os.replace(other, path)  # at once, as an editor should

    with running_server(root / "polled-log", *flags, rest_port=0) as server:
        server.wait_until_ready()
        put(model_list({"a": (root / "a", NEWEST), "b": (root / "b", label("stable", 1))}))
        wait_for(lambda: server.log.count("model b version 2 is available"))
        # 5.4: the flag lets a new label wait for its version, but moves none to a missing one
        not_found = failure(by_label, server, "b", "stable")
        assert not_found[1] == "Servable not found for request: Specific(b, 1)"
        put(model_list({"b": (root / "b", ALL + label("stable", 1))}))
        wait_for(lambda: (1, "AVAILABLE", "") in server.status("b"))
        assert by_label(server, "b", "stable") == 1.0
        put(model_list({"b": (root / "b", ALL + label("stable", 9))}))
        server.wait_for_log("Request to assign label to version 9 of model b")
        assert by_label(server, "b", "stable") == 1.0
        put("model_config_list { config { nam: 'x' } }")
        server.wait_for_log("Error parsing text-format tensorflow.serving.ModelServerConfig")
        server.wait_for_log("the config stays as it was")
        assert y(server, "b") == 2.0
        path.unlink()
        server.wait_for_log("No such file or directory; the config stays as it was")
        reload(server, model_list({"a": (root / "a", NEWEST)}))
        assert y(server, "a") == 2.0
        put(model_list({"b": (root / "b", NEWEST)}))  # undoes the config given by RPC
        wait_for(lambda: server.status("a")[0] == (2, "END", ""))
        reload(server, model_list({"a": (root / "a", NEWEST)}))
        wait_for(lambda: server.status("a")[0] == (2, "END", ""))  # so does an unchanged file
        wait_for(lambda: server.status("b")[0] == (2, "AVAILABLE", ""))
        assert server.stop() == 0


def test_5_3_no_request_fails_while_a_slow_version_loads(server, root):
    """Version 2 takes its time to warm up; version 1 answers meanwhile, and is then unloaded."""
    base = root / "slow"
    base.mkdir()
    workbench(base / "1")
    reload(server, model_list({"slow": (base, NEWEST)}))
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request("slow", "slow", loops=np.int32(100_000)))
    add_warm_up(workbench(root / "2"), [log.SerializeToString()]).rename(base / "2")
    versions = set()

    def has_switched() -> bool:
        versions.add(server.predict("slow", a=[1.0]).model_spec.version.value)
        return server.status("slow") == [(2, "AVAILABLE", ""), (1, "END", "")]

    wait_for(has_switched)
    assert versions == {1, 2}
