"""`python -m serving.client` in a pipeline."""

import os
import subprocess
import sys

import pytest

from tests.serving.clients.light_server import LightServer
from tests.serving.server_process import REPOSITORY


def started(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "serving.client", *map(str, arguments)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [["metadata", "sentiment", "--json"], ["sentiment", "-"]])
def test_it_ends_quietly_when_nobody_reads_any_more(arguments):
    """141: what a shell says of `yes` in `yes | head -1`, 128 + 13 of SIGPIPE."""
    with LightServer() as server, started(*arguments, *flags_of(server)) as process:
        process.stdout.close()
        _, stderr = process.communicate(b"good\n" * 10, timeout=30)
    assert (process.returncode, stderr) == (141, b"")


def flags_of(server):
    return ("--endpoint", server.endpoint("http"))
