"""The server as a process: its flags, its ports, its end (sections 1.1 and 6 of the API page)."""

import concurrent.futures
import json
import signal
import socket
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.server import app, flags, preflight
from serving.server.preflight import StartError
from tests.serving.served_models import workbench
from tests.serving.server_process import (
    free_port,
    predict_request,
    run_server,
    running_server,
)

SLOW = predict_request("m", "slow", loops=np.int32(250_000))  # about a second


@pytest.fixture
def model_flags(tmp_path):
    """The flags of one model "m" that is on disk."""
    (tmp_path / "m").mkdir()
    workbench(tmp_path / "m" / "1")
    return ("--model_name=m", f"--model_base_path={tmp_path / 'm'}")


def test_sigterm_answers_every_request_under_way(tmp_path, model_flags):
    rest_body = '{"signature_name": "slow", "inputs": 250000}'
    with running_server(tmp_path / "log", *model_flags, "--bogus=1", "-v=maybe") as server:
        server.wait_until_ready()
        with concurrent.futures.ThreadPoolExecutor() as clients:
            over_grpc = [clients.submit(server.predictions.Predict, SLOW) for _ in range(2)]
            over_rest = clients.submit(server.post, "m:predict", rest_body)
            time.sleep(0.3)
            assert server.stop(signal.SIGTERM) == 0
            for one in over_grpc:
                assert one.result().outputs["done"].int_val == [250_000]
            assert over_rest.result() == (200, '{"outputs": 250000}')
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
    assert "unknown argument: --bogus=1\n" in server.log
    assert "unknown argument: -v=maybe\n" in server.log
    assert "usage: python -m serving.server" in server.log
    assert "Traceback" not in server.log


def test_flags_that_change_the_answers(tmp_path, model_flags):
    more = (
        *model_flags, f"--grpc_socket_path={tmp_path / 'socket'}", "--grpc_max_threads=1",
        "--rest_api_enable_cors_support", "--enable_serialization_as_tensor_content=true",
        "--rest_api_timeout_in_ms=300", "--grpc_channel_arguments=grpc.max_connection_age_ms=60000",
        "--tensorflow_intra_op_parallelism=1", "--use_alts_credentials",
    )  # fmt: skip
    with running_server(tmp_path / "log", *more) as server:
        server.wait_until_ready()
        with grpc.insecure_channel(f"unix:{tmp_path / 'socket'}") as channel:
            stub = type(server.predictions)(channel)
            output = stub.Predict(predict_request("m", a=[1.0])).outputs["y"]
        assert output.tensor_content == b"\x00\x00\x80?"
        assert not output.float_val
        response = server.http.get("/elsewhere")
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-allow-methods"] == "POST, GET"
        assert response.headers["access-control-allow-headers"] == "Content-Type"
        status, body = server.post("m:predict", '{"signature_name": "slow", "inputs": 2000000000}')
        assert (status, json.loads(body)) == (504, {"error": "Timed out waiting for notification"})
        endless = predict_request("m", "slow", loops=np.int32(2_000_000_000))
        slow = server.predictions.Predict.future(endless, timeout=2)
        time.sleep(0.3)
        with pytest.raises(grpc.RpcError) as caught:
            server.predict("m", a=[1.0])
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert caught.value.details() == "Server Threadpool Exhausted"
        assert slow.exception().code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert "the gRPC port is not encrypted: --use_alts_credentials has no effect" in server.log
        assert server.stop(signal.SIGINT) == 0


def test_an_occupied_port_is_one_clear_line():
    with socket.create_server(("0.0.0.0", 0)) as occupant:
        port = occupant.getsockname()[1]
        ended = run_server(f"--port={port}", "--model_base_path=/m")
    assert ended.returncode == 2
    assert ended.stderr == (
        f"error: --port={port}: cannot listen for gRPC there (Address already in use). Stop the "
        "process that uses the port, or choose another one.\n"
    )


@pytest.mark.slow
def test_1_1_the_rest_port_may_not_be_the_grpc_port(tmp_path, model_flags):
    port = free_port()
    with running_server(tmp_path / "log", *model_flags, port=port, rest_port=port) as server:
        server.wait_until_ready()
        assert f"--rest_api_port={port} is the gRPC port too; serving gRPC alone" in server.log
        assert server.predict("m", a=[1.0]).outputs["y"].float_val == [1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "error: --model_base_path is missing: ", id="no-model"),
        pytest.param(
            ["--model_base_path=models/m", "--model_name=m"],
            "error: --model_base_path: Expected model m to have an absolute path or URI; got "
            "base_path()=models/m. Give /", id="relative-path",
        ),
        pytest.param(["--model_config_file=/no/such/file"],
                     "error: --model_config_file=/no/such/file: no such file", id="no-config"),
        pytest.param(["--port=0", "--model_base_path=/m"],
                     "error: --port=0: expected a port, or --grpc_socket_path", id="port-0"),
        pytest.param(["--port=x"], "error: --port=x: expected an integer", id="not-a-number"),
        pytest.param(["--port=0", "--grpc_socket_path=/no/such/socket", "--model_base_path=/m"],
                     "error: --grpc_socket_path=/no/such/socket: cannot listen for gRPC there "
                     "(/no/such is no folder). ", id="socket-path"),
        pytest.param(["--ssl_config_file=/f", "--model_base_path=/m"],
                     "error: --ssl_config_file=/f: No such file or directory", id="tls"),
        pytest.param(["--batching_parameters_file=/f", "--model_base_path=/m"],
                     "error: --batching_parameters_file is set without --enable_batching",
                     id="batching-file-alone"),
    ],
)  # fmt: skip
def test_flags_that_cannot_work_end_the_start(arguments, message):
    ended = run_server(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(message)


def test_a_broken_config_file(tmp_path):
    (tmp_path / "config").write_text('model_config_list { config { nam: "x" } }')
    with pytest.raises(StartError) as caught:
        app.serve(flags.parse([f"--model_config_file={tmp_path / 'config'}"]))
    assert str(caught.value).startswith(
        "Error parsing text-format tensorflow.serving.ModelServerConfig: "
    )
    assert 'no field named "nam"' in str(caught.value)


MODEL = 'name: "m" base_path: "%s" model_platform: "tensorflow" '


@pytest.mark.parametrize(
    ("models", "message"),
    [
        pytest.param(
            [MODEL % "/m" + 'version_labels { key: "stable" value: 1 }'],
            "Failed to start server. Error: FAILED_PRECONDITION: Request to assign label to "
            "version 1 of model m, which is not currently available for inference", id="label",
        ),
        pytest.param([MODEL % "m"], "error: --model_config_file: Expected model m to have an "
                     "absolute path or URI; got base_path()=m", id="relative-path"),
        pytest.param([MODEL % "/m"] * 2, "error: --model_config_file: Illegal to list model m "
                     "multiple times in config list", id="twice"),
    ],
)  # fmt: skip
def test_5_5_a_config_file_that_cannot_be_served_ends_the_start(tmp_path, models, message):
    """The flags of one model do not count beside it: their path would do."""
    configs = " ".join(f"config {{ {model} }}" for model in models)
    (tmp_path / "config").write_text(f"model_config_list {{ {configs} }}")
    one_model = ("--model_name=other", f"--model_base_path={tmp_path}")
    with pytest.raises(StartError) as caught:
        app.serve(flags.parse([f"--model_config_file={tmp_path / 'config'}", *one_model]))
    assert str(caught.value) == message


def test_6_version():
    ended = run_server("--version")
    assert ended.returncode == 0
    server, library = ended.stdout.splitlines()
    assert server.startswith("TensorFlow ModelServer: ")
    assert library == f"TensorFlow Library: {tf.__version__}"


@pytest.mark.slow
def test_6_port_0_leaves_the_unix_socket_alone(tmp_path, model_flags):
    path = tmp_path / "socket"
    flags = (*model_flags, f"--grpc_socket_path={path}", "--port=0")
    with running_server(tmp_path / "log", *flags, rest_port=0) as server:
        server.wait_until_ready()
        with grpc.insecure_channel(f"unix:{path}") as channel:
            stub = type(server.predictions)(channel)
            assert stub.Predict(predict_request("m", a=[1.0])).outputs["y"].float_val == [1.0]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("file", "there is something that is no socket"),
        ("", "there is something that is no socket"),
        ("no/socket", "{0}/no is no folder"),
        ("file/socket", "{0}/file is no folder"),
        pytest.param("s" * 108, "108 bytes, of at most 107", id="too-long"),
        pytest.param("é" * 54, "108 bytes, of at most 107", id="too-long-in-bytes"),
    ],
)
def test_6_a_socket_path_that_cannot_be_used_is_found_before_models_are_loaded(
    tmp_path, monkeypatch, path, reason
):
    (tmp_path / "file").write_text("not a socket")
    monkeypatch.chdir(tmp_path)
    socket_path = path if len(path) > 50 else f"{tmp_path}/{path}"
    with pytest.raises(StartError) as caught:
        check_socket_path(socket_path)
    assert str(caught.value) == (
        f"error: --grpc_socket_path={socket_path}: cannot listen for gRPC there "
        f"({reason.format(tmp_path)}). Expected the path of a socket, or of nothing, in a folder "
        "where files can be made."
    )
    assert (tmp_path / "file").read_text() == "not a socket"


@pytest.mark.parametrize("path", ["new", "left", "s" * 107], ids=["new", "left", "longest"])
def test_6_a_socket_path_that_can_be_used(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as left_by_another:
        left_by_another.bind("left")
    check_socket_path(path)


def check_socket_path(path: str) -> None:
    preflight.check(flags.parse([f"--grpc_socket_path={path}", "--port=0", "--model_base_path=/m"]))


def test_help():
    ended = run_server("--help")
    assert ended.returncode == 0
    assert "--rest_api_port=0\tint\tREST port; 0: no REST" in ended.stdout
