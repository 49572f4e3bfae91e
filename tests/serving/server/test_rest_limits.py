"""Limits of the REST server in this process: time, places, memory (section 4.1)."""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time

import pytest
from starlette.requests import ClientDisconnect, Request

from benchmarks.raw_clients import connect
from serving.server import open_files, process_memory, rest_protocol, rest_server
from serving.server.manager import ModelManager
from serving.server.rest import RestApi
from serving.server.rest_bodies import Bodies
from serving.server.rest_server import RestServer
from serving.server.rest_threads import BoundedThreads
from serving.server.status import Code, StatusError
from tests.serving.server_process import free_port

STATUS = b"GET /v1/models/m HTTP/1.1\r\nHost: localhost\r\n\r\n"
PREDICT = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


@pytest.fixture
def port():
    """Of a REST server without models: an answer is a 404."""
    number = free_port()
    manager = ModelManager([], load=lambda path: pytest.fail("loads"))
    server = RestServer(
        RestApi(manager, 2, timeout_s=30, cors=False, check_method_name=False), number
    )
    yield number
    server.begin_stop()
    while not server.stopped():
        time.sleep(0.01)


def read_all(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def read_answer(connection: socket.socket) -> bytes:
    """One answer of a connection that stays open."""
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65536)
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


def test_headers_that_come_too_slowly(port, monkeypatch):
    monkeypatch.setattr(rest_protocol, "HEAD_TIMEOUT_S", 0.3)
    idle = connect(port)
    slow = connect(port, b"GET /v1/mod")
    late = threading.Timer(0.2, slow.sendall, [b"els"])  # another byte gains no time
    late.start()
    answer = read_all(slow)
    assert status_of(answer) == 408
    body = answer.partition(b"\r\n\r\n")[2]
    assert json.loads(body) == {"error": "The request did not arrive in time"}
    idle.sendall(STATUS)  # has waited as long, but had begun nothing
    assert status_of(read_answer(idle)) == 404
    idle.sendall(STATUS + STATUS[:20])  # a whole request, and the start of the next
    assert status_of(read_answer(idle)) == 404
    idle.sendall(STATUS[20:30])
    assert status_of(read_all(idle)) == 408
    late.join()


def test_bodies_that_come_too_slowly(port, monkeypatch):
    monkeypatch.setattr(rest_protocol, "STALL_TIMEOUT_S", 0.3)
    assert status_of(read_all(connect(port, PREDICT + b"{"))) == 408
    steady = connect(port, PREDICT)
    for byte in (b"{", b"}", b" ", b" "):
        time.sleep(0.15)
        steady.sendall(byte)
    assert status_of(read_answer(steady)) == 404
    steady.close()


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        pytest.param(STATUS, 1, id="whole"),
        pytest.param(STATUS * 3, 3, id="three"),
        pytest.param(STATUS + STATUS[:20], 1, id="half-of-the-next"),
        pytest.param(STATUS[:20], 0, id="half"),
        pytest.param(PREDICT + b"{}  ", 1, id="body"),
        pytest.param(PREDICT + b"{}", 0, id="half-a-body"),
        pytest.param(b"", 0, id="nothing"),
    ],
)
def test_a_client_that_ends_its_side_gets_the_answers_to_its_whole_requests(port, sent, answers):
    for pause_s in (0.0, 0.1):
        client = connect(port, sent[:-1])
        time.sleep(pause_s)
        client.sendall(sent[-1:])
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        assert read_all(client).count(b"HTTP/1.1 404 Not Found\r\n") == answers


def test_connections_beyond_the_limit_are_refused(port, monkeypatch):
    monkeypatch.setattr(open_files, "max_rest_connections", lambda: 2)
    first, second = connect(port, STATUS), connect(port, STATUS)
    assert [status_of(read_answer(one)) for one in (first, second)] == [404, 404]
    answer = read_all(connect(port))
    assert status_of(answer) == 503
    assert b"Too many connections" in answer
    second.close()
    for _ in range(100):
        with contextlib.closing(connect(port, STATUS)) as third, contextlib.suppress(OSError):
            if status_of(third.recv(65536)) == 404:
                break
        time.sleep(0.05)
    else:
        pytest.fail("a place that was left stays taken")
    first.close()


def test_bodies_beyond_the_memory_are_429(monkeypatch, request):
    monkeypatch.setattr(process_memory, "limit_bytes", lambda: 32_000)  # 1,000 for bodies
    port = request.getfixturevalue("port")
    head = "POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
    large = connect(port, head.format(2000).encode() + b" " * 900)
    small = head.format(200).encode() + b" " * 200

    def ask() -> bytes:
        with contextlib.closing(connect(port, small)) as connection:
            return read_answer(connection)

    for _ in range(100):  # until the server has read the large one
        if status_of(answer := ask()) == 429:
            break
        time.sleep(0.05)
    message = "Requests of 900 bytes are in memory already; try again later"
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": message}
    large.sendall(b" " * 1100)  # it was there first
    assert status_of(read_answer(large)) == 400
    assert status_of(ask()) == 400  # an empty document, and a place for it
    large.close()


def test_a_client_that_does_not_take_its_answers_loses_them(monkeypatch, request):
    monkeypatch.setitem(rest_server._TCP_OPTIONS, "TCP_USER_TIMEOUT", 500)
    greedy = connect(request.getfixturevalue("port"))
    greedy.settimeout(30)
    question = b"GET /v1/models/" + b"m" * 50_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def ask_on():
        while True:  # until the server, which cannot write, reads no more
            greedy.sendall(question)

    with pytest.raises(ConnectionError):
        ask_on()
    greedy.close()


def request_of(*chunks: bytes) -> Request:
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, start=1)
    ]

    async def receive():
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_bodies_share_their_memory():
    async def main():
        bodies = Bodies(limit_bytes=10)
        async with bodies.read(request_of(b"12345", b"67")) as first:
            assert first == b"1234567"
            async with bodies.read(request_of(b"123")):
                pass
            with pytest.raises(StatusError) as caught:
                async with bodies.read(request_of(b"12", b"34")):
                    pass
            assert caught.value.code == Code.RESOURCE_EXHAUSTED
            async with bodies.read(request_of(b"123")):  # what was refused takes nothing
                pass
        async with bodies.read(request_of(b"x" * 100)) as alone:  # a single one may be larger
            assert len(alone) == 100
            with bodies.inflate(alone, "") as inflated:
                assert inflated == alone

    asyncio.run(main())


def test_what_is_inflated_counts():
    async def main():
        bodies = Bodies(limit_bytes=1000)
        small = gzip.compress(b"x" * 5000)
        async with bodies.read(request_of(small)) as only:
            with bodies.inflate(only, "gzip") as inflated:
                assert inflated == b"x" * 5000
            async with bodies.read(request_of(b"other")):
                with pytest.raises(StatusError), bodies.inflate(only, "gzip"):
                    pass

    asyncio.run(main())


def test_threads_and_the_queue_before_them():
    async def main():
        threads = BoundedThreads(threads=1, max_waiting=1)
        release, ran = threading.Event(), []

        async def stays():
            await asyncio.sleep(3600)

        async def leaves():
            await asyncio.sleep(0.05)

        def run(work, disconnected=stays, timeout_s=3600.0):
            return threads.run(work, time.monotonic() + timeout_s, disconnected)

        running = asyncio.create_task(run(release.wait))
        await asyncio.sleep(0.05)
        with pytest.raises(ClientDisconnect):
            await run(lambda: ran.append("gone"), leaves)
        with pytest.raises(StatusError) as caught:
            await run(lambda: ran.append("late"), timeout_s=0.05)
        assert caught.value.code == Code.DEADLINE_EXCEEDED
        waiting = asyncio.create_task(run(lambda: "answer"))
        await asyncio.sleep(0.05)
        with pytest.raises(StatusError) as caught:
            await run(lambda: ran.append("refused"))
        assert caught.value.code == Code.RESOURCE_EXHAUSTED
        release.set()
        assert await running is True
        assert await waiting == "answer"
        assert await run(lambda: "free again") == "free again"
        assert ran == []

    asyncio.run(main())
