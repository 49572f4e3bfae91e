"""Long lists are cut into requests, some under way at once, and joined in order."""

import threading
import time

import pytest

from serving import errors
from serving.client import NO_RETRIES
from serving.in_order import in_order
from tests.serving.clients.light_server import LightServer


def test_batches_keep_the_order(kind, scheme):
    texts = [f"good {n}" if n % 3 else f"bad {n}" for n in range(103)]
    with LightServer() as server, kind(server.endpoint(scheme), batch_size=10) as client:
        found = client.classify(texts)
        assert [one.probability for one in found] == [0.9 if n % 3 else 0.1 for n in range(103)]
        assert sorted(map(len, server.batches)) == [3] + [10] * 10
        assert sorted(text for batch in server.batches for text in batch) == sorted(texts)


def test_texts_that_come_from_a_generator_are_cut(kind, scheme):
    with LightServer() as server, kind(server.endpoint(scheme), batch_size=2) as client:
        found = client.classify(text for text in ("good", "bad", "good"))
        assert [one.probability for one in found] == [0.9, 0.1, 0.9]
        assert sorted(map(len, server.batches)) == [1, 2]


def test_no_more_requests_than_told_are_under_way(kind):
    with (
        LightServer() as server,
        kind(server.endpoint("grpc"), batch_size=1, concurrency=3) as client,
    ):
        client.classify(["together"] * 12)
        assert server.most_at_once == 3


def test_one_request_without_a_batch_size(kind):
    with LightServer() as server, kind(server.endpoint("grpc"), batch_size=None) as client:
        client.classify(["x"] * 1000)
        assert list(map(len, server.batches)) == [1000]


def test_a_failed_batch_fails_the_call_and_no_more_are_begun(kind, scheme):
    failure = "INTERNAL" if scheme == "grpc" else 500
    with (
        LightServer([failure] * 500) as server,
        kind(server.endpoint(scheme), batch_size=1, concurrency=2, retries=NO_RETRIES) as client,
    ):
        with pytest.raises(errors.ServerFault):
            client.classify(["x"] * 400)
        assert len(server.batches) < 300


def test_the_deadline_is_that_of_the_whole_call(kind):
    with (
        LightServer() as server,
        kind(server.endpoint("grpc"), batch_size=1, concurrency=1) as client,
    ):
        with pytest.raises(errors.DeadlineExceeded, match=r"deadline 0\.4 s"):
            client.classify(["a moment"] * 400, timeout_s=0.4)  # 20 s of moments
        assert len(server.batches) < 100


def test_megabytes_go_through(kind, scheme):
    text = "x" * 6_000_000  # gRPC's own limit is 4 MiB
    with LightServer() as server, kind(server.endpoint(scheme)) as client:
        assert client.classify([text])[0].probability == 0.1


@pytest.mark.parametrize("settings", [{"batch_size": 0}, {"concurrency": 0}], ids=str)
def test_sizes_that_cannot_be_right(kind, settings):
    with pytest.raises(errors.InvalidRequest, match="expected 1 or more"):
        kind(**settings)


def test_items_are_not_read_far_ahead():
    read = []

    def items():
        for n in range(100):
            read.append(n)
            yield n

    results = in_order(lambda n: n * n, items(), at_once=3)
    assert [next(results) for _ in range(4)] == [0, 1, 4, 9]
    assert len(read) <= 4 + 6
    results.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("client")]


def test_results_are_given_while_no_item_comes():
    given = []

    def items():
        yield 3
        until = time.monotonic() + 10
        while not given and time.monotonic() < until:
            yield None
        assert given == [9]
        yield 4

    for result in in_order(lambda n: n * n, items(), at_once=2):
        given.append(result)
    assert given == [9, 16]
