"""Thousands of broken requests: each gets an error that the API page names, and harms no other."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.fuzzed_requests import (
    GrpcRequest,
    RestRequest,
    changed_bytes,
    grpc_requests,
    rest_requests,
)
from tests.serving.server_process import ServerProcess

TIMEOUT_S = 30
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNIMPLEMENTED,
}  # fmt: skip


def ask_grpc(server: ServerProcess, request: GrpcRequest) -> None:
    call = server.channel.unary_unary(f"/tensorflow.serving.{request.method}")
    answer = call.future(request.data, timeout=TIMEOUT_S)
    allowed = {grpc.StatusCode.OK, *REFUSALS}
    if not _is_message(request):
        allowed = {grpc.StatusCode.INTERNAL}
    assert answer.code() in allowed, (answer.code(), answer.details())


def _is_message(request: GrpcRequest) -> bool:
    try:
        request.kind.FromString(request.data)
    except DecodeError:
        return False
    return True


@pytest.fixture
def ask_rest(small_models_server) -> Iterator[Callable[[RestRequest], None]]:
    """Asks over one connection, as long as the server keeps it."""
    port = small_models_server.rest_port
    connection = http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_S)

    def ask(request: RestRequest) -> None:
        connection.request(request.method, request.path, request.body, request.headers)
        response = connection.getresponse()
        body = response.read()
        kind = response.headers.get("content-type", "")
        if response.status == 404 and kind.startswith("text/html"):
            assert not request.path.lower().startswith("/v1/")
        elif body:
            document = json.loads(body.decode("utf-8", "surrogateescape"))
            allowed = [200] if "error" not in document else [400, 404, 501]
            assert response.status in allowed, (response.status, body)
            assert kind == "application/json"
        else:
            assert response.status in (200, 400, 404)

    yield ask
    connection.close()


def fuzz(ask: Callable, requests: st.SearchStrategy, count: int) -> None:
    """Asks `count` of the requests; the same ones each time while they are few."""

    @settings(max_examples=count, deadline=None, database=None, derandomize=count < 1000,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(requests)
    def each(request):
        ask(request)

    each()


def check_it_still_answers(server: ServerProcess) -> None:
    assert server.process.poll() is None
    assert "Traceback" not in server.log
    assert list(server.predict("workbench", a=[1.0]).outputs["y"].float_val) == [1.0]
    body = '{"signature_name": "regress", "examples": [{"x": 2.0}]}'
    assert server.post("examples_tf1:regress", body) == (200, '{"results": [3.0]}')


COUNTS = [200, pytest.param(10_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
def test_grpc_requests(small_models_server, count):
    fuzz(lambda request: ask_grpc(small_models_server, request), grpc_requests(), count)
    check_it_still_answers(small_models_server)


@pytest.mark.parametrize("count", COUNTS)
def test_rest_requests(small_models_server, ask_rest, count):
    fuzz(ask_rest, rest_requests(), count)
    check_it_still_answers(small_models_server)


HTTP = b"POST /v1/models/workbench:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_bytes_on_the_sockets(small_models_server, count):
    """A connection that speaks no HTTP is closed, or answered by a 4xx, and costs no other one."""

    def send(data: bytes) -> None:
        for port in (small_models_server.port, small_models_server.rest_port):
            with socket.create_connection(("localhost", port), timeout=TIMEOUT_S) as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                answer = b""
                try:
                    while part := connection.recv(4096):
                        answer += part
                except ConnectionResetError:
                    pass
            assert not answer.startswith(b"HTTP/1.1 5"), answer

    fuzz(send, changed_bytes(HTTP) | changed_bytes(HTTP_2) | st.binary(max_size=200), count)
    check_it_still_answers(small_models_server)
