"""Too many, too slow, too large: what one client does is nothing to the others (section 1.1)."""

import collections
import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from benchmarks import raw_clients
from tests.serving.served_models import workbench
from tests.serving.server_process import predict_request, running_server

PREDICT = "/tensorflow.serving.PredictionService/Predict"
SLOW_BODY = '{"signature_name": "slow", "inputs": 2000000000}'
REST_PATH = "/v1/models/m:predict"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("overload")
    (root / "m").mkdir()
    workbench(root / "m" / "1")
    flags = (
        "--model_name=m", f"--model_base_path={root / 'm'}", "--grpc_max_threads=64",
        "--rest_api_num_threads=1", "--rest_api_timeout_in_ms=4000",
        "--grpc_channel_arguments=grpc.keepalive_time_ms=1000,grpc.http2.ping_timeout_ms=1000",
    )  # fmt: skip
    with running_server(root / "log", *flags) as process:
        yield process.wait_until_ready()


def assert_answers(server) -> None:
    assert server.predict("m", a=[1.0]).outputs["y"].float_val == [1.0]
    assert server.post("m:predict", '{"instances": [1.0]}')[0] == 200


def closed_by_server(connection: socket.socket, timeout_s: float) -> bool:
    connection.settimeout(timeout_s)
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass
    return True


def test_1_1_half_a_grpc_request_holds_no_thread(server):
    stop = threading.Event()

    def never():
        stop.wait()
        yield from ()

    half = server.channel.stream_unary(PREDICT, lambda message: message.SerializeToString())
    calls = [half.future(never()) for _ in range(100)]
    time.sleep(0.5)
    assert_answers(server)
    assert not any(call.done() for call in calls)
    for call in calls:
        call.cancel()
    stop.set()


def test_grpc_connections_that_go_silent_are_closed_and_idle_ones_are_not(server):
    silent = raw_clients.connect(server.port, raw_clients.http2_connection())  # answers no ping
    assert closed_by_server(silent, timeout_s=60)
    assert_answers(server)  # over a channel that has been idle for as long


def test_many_idle_grpc_connections(server):
    idle = [raw_clients.connect(server.port) for _ in range(500)]
    assert_answers(server)
    for connection in idle:
        connection.close()


def test_rest_requests_wait_in_a_bounded_queue_and_more_are_refused(server):
    """One runs and 32 wait, all until their deadline; 7 more find no place."""
    request = raw_clients.rest_request(REST_PATH, SLOW_BODY)
    clients = [raw_clients.connect(server.rest_port, request) for _ in range(40)]
    answers = collections.Counter(client.recv(12) for client in clients)
    assert answers == {b"HTTP/1.1 429": 7, b"HTTP/1.1 504": 33}
    for client in clients:
        if b"429" in client.recv(65536, socket.MSG_PEEK):
            assert b"Server Threadpool Exhausted" in client.recv(65536)
        client.close()
    assert_answers(server)


def test_a_request_whose_client_has_gone_is_not_run(server):
    """Each would take the only thread for a second or so, and all of them all the time there is."""
    request = raw_clients.rest_request(REST_PATH, SLOW_BODY.replace("2000000000", "200000"))
    connections = [raw_clients.connect(server.rest_port, request) for _ in range(20)]
    time.sleep(0.5)
    for connection in connections:
        connection.close()
    assert server.post("m:predict", '{"instances": [1.0]}')[0] == 200


def test_a_client_that_ends_its_side_is_answered_when_its_request_runs(server):
    request = raw_clients.rest_request(REST_PATH, SLOW_BODY.replace("2000000000", "200000"))
    clients = []
    for _ in range(2):  # the second waits for the only thread
        clients.append(raw_clients.connect(server.rest_port, request))
        clients[-1].shutdown(socket.SHUT_WR)
        time.sleep(0.2)
    running, waiting = clients
    assert waiting.recv(12) == b"HTTP/1.1 499"
    assert running.recv(12) == b"HTTP/1.1 200"
    for client in clients:
        assert closed_by_server(client, timeout_s=10)
        client.close()


def test_4_1_large_bodies_and_deep_ones(small_models_server):
    """What is under an ignored key may be as large and as deep as it likes."""
    post = small_models_server.post
    large = json.dumps({"ignored": "x" * 20_000_000, "instances": [1.0]})
    assert post("workbench:predict", large) == (200, '{"predictions": [1.0]}')
    brackets = "[" * 100_000 + "]" * 100_000
    assert post("workbench:predict", f'{{"ignored": {brackets}, "instances": [1.0]}}')[0] == 200
    assert post("workbench:predict", f'{{"instances": {brackets}}}')[0] == 400


def test_100_clients_killed_amid_their_requests(server):
    """Nobody else notices, and no descriptor is left."""
    process = psutil.Process(server.process.pid)
    assert_answers(server)
    before = process.num_fds()
    slow = predict_request("m", "slow", loops=np.int32(10_000))
    body = SLOW_BODY.replace("2000000000", "10000")
    requests = [
        raw_clients.grpc_request(PREDICT.encode(), slow.SerializeToString()),
        raw_clients.rest_request(REST_PATH, body),
    ]  # fmt: skip
    clients = subprocess.Popen(
        [sys.executable, raw_clients.__file__, str(server.port), str(server.rest_port), "50"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    clients.stdin.write("\n".join(request.hex() for request in requests))
    clients.stdin.close()
    children = [int(child) for child in clients.stdout.readline().split()]
    assert len(children) == 100
    bystander = server.predictions.Predict.future(slow, timeout=60)
    for child in children:
        os.kill(child, signal.SIGKILL)
    clients.kill()
    clients.wait()
    clients.stdout.close()
    assert bystander.result().outputs["done"].int_val == [10_000]
    deadline = time.monotonic() + 30
    while process.num_fds() > before:
        assert time.monotonic() < deadline, (process.num_fds(), before)
        time.sleep(0.1)
    assert_answers(server)
    assert "Traceback" not in server.log


@pytest.mark.slow
@pytest.mark.parametrize(("transport", "share"), [("rest", 0.6), ("grpc", 0.3)])
def test_10_000_idle_connections(server, transport, share):
    """Fewer where a process may not have so many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = min(10_000, int(hard * share) - 100)
    port = server.rest_port if transport == "rest" else server.port
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with contextlib.ExitStack() as idle:
        connections = [idle.enter_context(raw_clients.connect(port)) for _ in range(wanted)]
        assert_answers(server)
        grown = process.memory_info().rss - before
        assert grown < wanted * 40_000, f"{grown / wanted:.0f} bytes a connection"
        readable = select.poll()
        for connection in connections:
            readable.register(connection, select.POLLIN)
        if transport == "rest":
            assert readable.poll(0) == []  # none was closed
    deadline = time.monotonic() + 60
    while process.num_fds() > 500:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert_answers(server)
