"""A client that is closed says so, with one error of the tree, whatever the transport raises."""

import asyncio
import threading
import time

import pytest

from serving import errors
from serving.async_client import AsyncClient
from serving.client import Client
from tests.serving.clients.light_server import LightServer

CALLS = {
    "classify": lambda client: client.classify(["good"]),
    "batches": lambda client: client.classify(["good"] * 100),
    "answer": lambda client: client.answer("Who?", "Ada."),
    "status": lambda client: client.status("sentiment"),
    "metadata": lambda client: client.metadata("sentiment"),
}
# Of twenty requests one after another, each of 50 ms.
ONE_BY_ONE = {"batch_size": 1, "concurrency": 1}
MOMENTS = ["a moment"] * 20


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_closed_client_says_so(kind, scheme, call):
    with LightServer() as server:
        client = kind(server.endpoint(scheme))
        client.classify(["good"])
        client.close()
        with pytest.raises(errors.ClientClosed, match=r"127\.0\.0\.1:\d+: the client is closed"):
            call(client)
        client.close()  # once more does no harm
        assert server.batches == [["good"]]


def test_a_client_that_is_closed_before_its_first_call(kind, scheme):
    client = kind(f"{scheme}://127.0.0.1:1")
    client.close()
    with pytest.raises(errors.ClientClosed):
        client.classify(["good"])


def wait_for_a_request(server):
    deadline = time.monotonic() + 20
    while not server.batches:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_closed_by_another_thread_while_it_asks(scheme):
    with LightServer() as server:
        client = Client(server.endpoint(scheme), **ONE_BY_ONE)

        def close() -> None:
            wait_for_a_request(server)
            client.close()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(errors.ClientClosed):
            client.classify(MOMENTS)
        closing.join()


@pytest.mark.parametrize("texts", [["together"], MOMENTS], ids=["one", "many"])
def test_closed_by_another_task_while_it_asks(scheme, texts):
    async def run(server: LightServer) -> None:
        client = AsyncClient(server.endpoint(scheme), **ONE_BY_ONE)
        asking = asyncio.create_task(client.classify(texts))
        await asyncio.to_thread(wait_for_a_request, server)
        await client.close()
        with pytest.raises(errors.ClientClosed):
            await asking

    with LightServer() as server:
        asyncio.run(run(server))


def test_a_task_that_is_cancelled_stays_cancelled(scheme):
    async def run(server: LightServer) -> None:
        client = AsyncClient(server.endpoint(scheme))
        asking = asyncio.create_task(client.classify(["together"]))
        await asyncio.to_thread(wait_for_a_request, server)
        asking.cancel()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with LightServer() as server:
        asyncio.run(run(server))
