"""infra/docker/health-check.sh against the embedded server: healthy is who answers."""

import http.server
import re
import socket
import threading

import pytest

from tests.infra.served import Served
from tests.serving.server_process import free_port


@pytest.fixture
def port():
    return str(free_port())


def test_every_model_is_asked_for_a_prediction(served: Served):
    before = answered(served, "sentiment"), answered(served, "qa")
    checked = served.health_check()
    assert checked.returncode == 0, checked.stderr
    assert (answered(served, "sentiment"), answered(served, "qa")) == (before[0] + 1, before[1] + 1)
    # Nothing is known that it could be asked, and that is said.
    assert "half.json is missing: only its state is looked at" in checked.stderr


def graph_runs(served: Served) -> str:
    (line,) = re.findall(r"^:tensorflow:core:graph_runs.*$", served.metrics(), re.MULTILINE)
    return line


def answered(served: Served, model: str) -> int:
    name = f':tensorflow:serving:request_count{{model_name="{model}",status="OK"}} '
    lines = [line for line in served.metrics().splitlines() if line.startswith(name)]
    return int(lines[0].removeprefix(name)) if lines else 0


@pytest.mark.parametrize("model", ["sentiment", "qa/versions/3", "half/versions/3"])
def test_one_version_may_be_named(served: Served, model):
    assert served.health_check(model).returncode == 0


def test_state_alone_is_no_prediction(served: Served):
    before = graph_runs(served)
    assert served.health_check("--state", "qa/versions/3").returncode == 0
    assert graph_runs(served) == before
    checked = served.health_check("--state", "qa/versions/4")
    assert checked.returncode == 1
    assert "Could not find version 4 of model qa" in checked.stderr


def test_label_is_asked_of_every_model(served: Served):
    checked = served.health_check(HEALTH_LABEL="stable")
    assert checked.returncode == 1
    asked = re.findall(r"^/v1/models/(\S+?)(?::predict)?: HTTP", checked.stderr, re.MULTILINE)
    # Of `half` only the state is asked, which knows no labels, as in TF Serving.
    assert asked == ["qa/labels/stable", "sentiment/labels/stable"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(
            "qa/versions/4", "Servable not found for request: Specific(qa, 4)", id="version"
        ),
        pytest.param("qa/labels/stable", "stable", id="label"),
        pytest.param("half/versions/9", "half", id="version-without-a-request"),
    ],
)
def test_a_version_that_does_not_answer_is_unhealthy(served: Served, model, message):
    checked = served.health_check("sentiment", model)
    assert checked.returncode == 1
    assert f"/v1/models/{model}" in checked.stderr
    assert message in checked.stderr


def test_an_error_of_the_model_is_unhealthy_and_is_shown(served: Served, tmp_path):
    (tmp_path / "health").mkdir()
    (tmp_path / "health" / "half.json").write_text('{"instances": ["no number"]}')
    checked = served.health_check("half", CONFIG_DIR=str(tmp_path))
    assert checked.returncode == 1
    assert "HTTP/1.1 400" in checked.stderr


def test_nobody_listening_is_unhealthy(served: Served, port):
    checked = served.health_check("sentiment", REST_PORT=port)
    assert checked.returncode == 1
    assert f"no answer on port {port}" in checked.stderr


def test_a_server_that_stays_silent_is_unhealthy(served: Served):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        checked = served.health_check("sentiment", REST_PORT=port, HEALTH_TIMEOUT_S="1")
    assert checked.returncode == 124
    assert "no answer within HEALTH_TIMEOUT_S=1" in checked.stderr


class Welcome(http.server.BaseHTTPRequestHandler):
    """Answers a POST with a page, as a proxy may."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")


def test_an_answer_that_is_no_prediction_is_unhealthy(served: Served):
    with http.server.HTTPServer(("127.0.0.1", 0), Welcome) as other:
        thread = threading.Thread(target=other.handle_request)
        thread.start()
        checked = served.health_check("sentiment", REST_PORT=str(other.server_port))
        thread.join()
    assert checked.returncode == 1
    assert "Welcome" in checked.stderr


def test_without_a_server_there_is_no_config_to_go_by(served: Served, tmp_path):
    checked = served.health_check(SCRATCH_DIR=str(tmp_path))
    assert checked.returncode == 2
    assert "names no model: is the server running?" in checked.stderr
