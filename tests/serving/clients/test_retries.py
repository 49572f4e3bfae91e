"""What is sent again, how often, and never after the deadline; failures are real ones."""

import os
import subprocess
import sys
import threading
import time

import pytest

from serving import errors
from serving.client import NO_RETRIES, Client, Retries
from serving.transport import Deadline
from tests.serving.clients.dropping_proxy import dropping_proxy
from tests.serving.clients.light_server import LightServer
from tests.serving.server_process import REPOSITORY, free_port

PATIENT = Retries(attempts=100, first_wait_s=0.1, longest_wait_s=0.1)
QUICK = Retries(attempts=4, first_wait_s=0.01, longest_wait_s=0.05)


@pytest.mark.parametrize(
    ("grpc_code", "status"),
    [("UNAVAILABLE", 503), ("RESOURCE_EXHAUSTED", 429), ("UNAVAILABLE", 502)],
)
def test_refusals_that_may_pass_are_sent_again(kind, scheme, grpc_code, status):
    failure = grpc_code if scheme == "grpc" else status
    with (
        LightServer([failure] * 3) as server,
        kind(server.endpoint(scheme), retries=QUICK) as client,
    ):
        assert [one.probability for one in client.classify(["good"])] == [0.9]
        assert server.batches == [["good"]] * 4


@pytest.mark.parametrize(
    ("grpc_code", "status", "error"),
    [
        ("INVALID_ARGUMENT", 400, errors.InvalidRequest),
        ("NOT_FOUND", 404, errors.ModelNotFound),
        ("INTERNAL", 500, errors.ServerFault),
        ("DEADLINE_EXCEEDED", 504, errors.DeadlineExceeded),
        ("CANCELLED", 499, errors.Unavailable),
        ("PERMISSION_DENIED", 403, errors.AccessDenied),
        ("UNIMPLEMENTED", 501, errors.Unimplemented),
    ],
)
def test_other_errors_are_final(kind, scheme, grpc_code, status, error):
    failure = grpc_code if scheme == "grpc" else status
    with (
        LightServer([failure]) as server,
        kind(server.endpoint(scheme), retries=QUICK) as client,
    ):
        with pytest.raises(error, match="scripted") as caught:
            client.classify(["good"])
        assert caught.value.code == (grpc_code if scheme == "grpc" else f"HTTP {status}")
        assert len(server.batches) == 1


def test_the_last_error_says_how_often_it_was_tried(kind, scheme):
    failure = "UNAVAILABLE" if scheme == "grpc" else 503
    with (
        LightServer([failure] * 9) as server,
        kind(server.endpoint(scheme), retries=QUICK) as client,
    ):
        with pytest.raises(errors.Unavailable, match=r"scripted .* \(sent 4 times in 0\.\d s\)"):
            client.classify(["good"])
        assert len(server.batches) == 4
    with LightServer([failure]) as server:
        with (
            kind(server.endpoint(scheme), retries=NO_RETRIES) as client,
            pytest.raises(errors.Unavailable, match=r"\(.*deadline 30 s\)$|\(HTTP 503\)$"),
        ):
            client.classify(["good"])
        assert len(server.batches) == 1


def test_retries_end_before_the_deadline(kind, scheme):
    failure = "UNAVAILABLE" if scheme == "grpc" else 503
    slow = Retries(attempts=1000, first_wait_s=0.2, longest_wait_s=0.2)
    with LightServer([failure] * 1000) as server, kind(server.endpoint(scheme), retries=slow) as c:
        start = time.monotonic()
        with pytest.raises((errors.Unavailable, errors.DeadlineExceeded)):
            c.classify(["good"], timeout_s=0.6)
        assert time.monotonic() - start < 5
        assert 1 < len(server.batches) < 1000


def test_a_server_that_comes_up_later_is_found(kind):
    port = free_port()
    command = [sys.executable, "-m", "tests.serving.clients.light_server", str(port)]
    with kind(f"grpc://127.0.0.1:{port}", retries=PATIENT) as client:
        with pytest.raises(errors.Unavailable, match="Connection refused"):
            client.classify(["good"], timeout_s=0.5)
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
            try:
                assert client.classify(["good"])[0].probability == 0.9
            finally:
                process.kill()


def test_a_server_killed_in_the_middle_is_asked_again_when_it_is_back():
    port = free_port()
    command = [sys.executable, "-m", "tests.serving.clients.light_server", str(port)]
    found = []
    with Client(f"grpc://127.0.0.1:{port}", retries=PATIENT) as client:
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as first:
            assert first.stdout.readline()
            assert client.classify(["good"])[0].probability == 0.9
            asking = threading.Thread(
                target=lambda: found.extend(client.classify(["good one"] * 3))
            )
            waiting = threading.Thread(target=_ask_to_wait, args=(client,))
            waiting.start()
            first.kill()  # "wait" is never answered: it is under way, or about to be
        asking.start()
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as second:
            asking.join(timeout=30)
            waiting.join(timeout=30)
            second.kill()
    assert [one.probability for one in found] == [0.9] * 3


def _ask_to_wait(client):
    with pytest.raises(errors.ServingError):
        client.classify(["wait"], timeout_s=1)


def test_dropped_connections_are_made_again(kind, scheme):
    with (
        LightServer() as server,
        dropping_proxy(server.port(scheme), drops=2) as port,
        kind(f"{scheme}://127.0.0.1:{port}", retries=PATIENT) as client,
    ):
        assert client.classify(["good"])[0].probability == 0.9


def test_connections_are_kept(kind, scheme):
    with LightServer() as server, kind(server.endpoint(scheme)) as client:
        for _ in range(5):
            client.classify(["good"])
        assert len(server.batches) == 5
        assert len(server.peers) == 1


def test_waits_are_random_and_double_up_to_the_longest():
    within = Retries(first_wait_s=0.1, longest_wait_s=1.5).within(Deadline(30))
    limits = [0.1, 0.2, 0.4, 0.8, 1.5, 1.5]
    for attempt, limit in enumerate(limits, 1):
        state = type("State", (), {"attempt_number": attempt})
        waits = [within["wait"](state) for _ in range(300)]
        assert max(waits) <= limit
        assert max(waits) > 0.7 * limit  # fails once in 10**46 runs
        assert min(waits) < 0.3 * limit


@pytest.mark.parametrize(
    "numbers",
    [{"attempts": 0}, {"first_wait_s": 0}, {"first_wait_s": 9}, {"longest_wait_s": float("nan")}],
    ids=str,
)
def test_retries_that_cannot_be_right(numbers):
    with pytest.raises(errors.InvalidRequest, match="expected"):
        Retries(**numbers)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_client_says_that_it_does_not_outlive_a_fork():
    code = """
import os
from serving.client import Client
from serving.errors import InvalidRequest
client = Client("http://localhost:1")
if os.fork():
    os.wait()
else:
    try:
        client.classify(["x"])
    except InvalidRequest as error:
        print(error, flush=True)
    os._exit(0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert "make a client in each process" in ended.stdout
