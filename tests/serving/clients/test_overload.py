"""A server that takes one request at a time and refuses the others (API page, section 1.1)."""

import pytest

from serving import errors
from serving.client import NO_RETRIES, Retries
from tests.serving import served_models
from tests.serving.server_process import running_server

LONG = ["x" * 300_000] * 30  # keeps the model busy for a while


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    root = tmp_path_factory.mktemp("overload")
    (root / "sentiment").mkdir()
    served_models.sentiment(root / "sentiment" / "1")
    flags = ("--model_name=sentiment", f"--model_base_path={root / 'sentiment'}")
    with running_server(root / "log", *flags, "--grpc_max_threads=1", rest_port=0) as server:
        server.wait_until_ready()
        yield f"grpc://localhost:{server.port}"


@pytest.mark.slow
def test_1_1_refused_requests_are_sent_again_until_they_are_answered(kind, endpoint):
    patient = Retries(attempts=1000, first_wait_s=0.05, longest_wait_s=0.2)
    texts = [*LONG, "good"] * 6
    with kind(endpoint, 60, batch_size=31, concurrency=6, retries=patient) as client:
        found = [one.probability for one in client.classify(texts)]
    assert found == [*[0.1] * 30, 0.9] * 6


@pytest.mark.slow
def test_1_1_without_retries_they_are_overloaded(kind, endpoint):
    with (
        kind(endpoint, 60, batch_size=31, concurrency=6, retries=NO_RETRIES) as client,
        pytest.raises(errors.Overloaded, match="Server Threadpool Exhausted"),
    ):
        client.classify([*LONG, "good"] * 6)
