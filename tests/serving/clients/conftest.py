"""Both clients, by both protocols."""

import pytest

from serving.client import Client
from tests.serving.clients.in_loop import InLoop

KINDS = {"blocking": Client, "async": InLoop}


@pytest.fixture(params=KINDS)
def kind(request):
    """The class of a client."""
    return KINDS[request.param]


@pytest.fixture(params=["grpc", "http"])
def scheme(request):
    return request.param
