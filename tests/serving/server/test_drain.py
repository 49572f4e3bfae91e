"""The end of the server: no request is lost, on neither transport (section 1.1)."""

import concurrent.futures
import json
import signal
import socket
import threading
import time

import grpc
import httpx
import numpy as np
import pytest

from benchmarks import raw_clients
from tests.serving.served_models import workbench
from tests.serving.server_process import ServerProcess, predict_request, running_server

PREDICT = b"/tensorflow.serving.PredictionService/Predict"
PATH = "/v1/models/m:predict"
BODY = '{"instances": [1.0]}'


@pytest.fixture
def server(tmp_path):
    (tmp_path / "m").mkdir()
    workbench(tmp_path / "m" / "1")
    flags = ("--model_name=m", f"--model_base_path={tmp_path / 'm'}",
             "--rest_api_timeout_in_ms=120000")  # fmt: skip
    with running_server(tmp_path / "log", *flags) as process:
        yield process.wait_until_ready()


def ask_over_grpc(server: ServerProcess, answered: threading.Semaphore) -> grpc.StatusCode:
    """One request after the other until the server refuses; how it says so."""
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        stub = type(server.predictions)(channel)
        while True:
            try:
                response = stub.Predict(predict_request("m", a=[1.0]), timeout=60)
            except grpc.RpcError as error:
                return error.code()
            assert response.outputs["y"].float_val == [1.0]
            answered.release()


def ask_over_rest(server: ServerProcess, answered: threading.Semaphore) -> type:
    with httpx.Client(base_url=server.http.base_url, timeout=60) as client:
        while True:
            try:
                response = client.post(PATH, content=BODY)
            except httpx.HTTPError as error:
                return type(error)
            assert response.text == '{"predictions": [1.0]}'
            answered.release()


def test_1_1_busy_clients_are_answered_or_refused_in_clear_words(server):
    kept = raw_clients.connect(server.rest_port, raw_clients.rest_request(PATH, BODY))
    assert kept.recv(65536).startswith(b"HTTP/1.1 200")
    slow = predict_request("m", "slow", loops=np.int32(150_000))
    slow_body = json.dumps({"signature_name": "slow", "inputs": 150_000})
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        answered = [threading.Semaphore(0) for _ in range(6)]
        over_grpc = [clients.submit(ask_over_grpc, server, one) for one in answered[:3]]
        over_rest = [clients.submit(ask_over_rest, server, one) for one in answered[3:]]
        for one in answered:
            assert one.acquire(timeout=60)
        last_grpc = clients.submit(server.predictions.Predict, slow, timeout=60)
        last_rest = clients.submit(server.post, "m:predict", slow_body)
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("finishing the requests under way")
        time.sleep(0.3)
        # A request on a kept connection is answered, as the last one there.
        if not last_rest.done():
            kept.sendall(raw_clients.rest_request(PATH, BODY))
            answer = b"".join(iter(lambda: kept.recv(65536), b""))
            assert b"HTTP/1.1 200 OK" in answer
            assert b"connection: close" in answer.lower()
        assert last_grpc.result().outputs["done"].int_val == [150_000]
        assert last_rest.result() == (200, '{"outputs": 150000}')
        assert {one.result() for one in over_grpc} == {grpc.StatusCode.UNAVAILABLE}
        assert {one.result() for one in over_rest} == {httpx.ConnectError}
    assert server.process.wait(60) == 0
    assert "Traceback" not in server.log
    for port in (server.port, server.rest_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_1_1_an_answer_that_is_taken_slowly_is_taken_whole(server):
    """Of four megabytes the client takes 64 KiB, as HTTP/2 begins, and the rest much later."""
    request = predict_request("m", a=[1.0])  # the one value stands for all that the shape needs
    request.inputs["a"].tensor_shape.dim[0].size = 1_000_000
    slow = raw_clients.connect(
        server.port, raw_clients.grpc_request(PREDICT, request.SerializeToString())
    )
    received = b""
    while not raw_clients.message_bytes(received):
        received += slow.recv(65536)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_log("finishing the requests under way")
    time.sleep(1.5)
    slow.sendall(raw_clients.read_on(8_000_000))
    received += b"".join(iter(lambda: slow.recv(65536), b""))
    assert raw_clients.message_bytes(received) > 4_000_000
    assert server.process.wait(60) == 0
