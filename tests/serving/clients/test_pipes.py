"""`python -m serving.client` in a pipeline."""

import gzip
import json
import os
import select
import signal
import subprocess
import sys
import time

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


@pytest.mark.parametrize(
    ("flags", "header", "first", "second"),
    [
        (("-",), b"", b"good\n", b"bad\n"),
        (("--input", "-", "--format", "csv"), b"text\n", b"good\n", b"bad\n"),
        (("--input", "-", "--format", "jsonl"), b"", b'{"text": "good"}\n', b'{"text": "bad"}\n'),
    ],
    ids=["txt", "csv", "jsonl"],
)
def test_a_line_is_answered_before_the_next_comes(flags, header, first, second):
    with LightServer() as server, started("sentiment", *flags_of(server), *flags) as process:
        for line, probability in ((header + first, 0.9), (second, 0.1)):
            process.stdin.write(line)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 20)[0], "no answer, stdin is still open"
            assert json.loads(process.stdout.readline())["probability"] == probability
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_lines_that_come_together_are_asked_together():
    texts = [b"good", b"bad"] * 40
    with LightServer() as server, started("sentiment", "-", *flags_of(server)) as process:
        stdout, _ = process.communicate(b"\n".join(texts), timeout=30)
    lines = [json.loads(line) for line in stdout.splitlines()]
    assert [one["probability"] for one in lines] == [0.9, 0.1] * 40
    assert [one["id"] for one in lines] == [f"stdin:{n}" for n in range(1, 81)]
    assert len(server.batches) < 20  # 3 where the reader does not pause


def test_places_in_a_pipe_are_named():
    with LightServer() as server, started("sentiment", "-", *flags_of(server)) as process:
        _, stderr = process.communicate(b"good\n\nbad\n\xff\n", timeout=30)
    assert process.returncode == 1
    assert stderr.splitlines()[0] == b"rejected: stdin:4: invalid_utf8"
    csv = ("--input", "-", "--format", "csv")
    with LightServer() as server, started("sentiment", *csv, *flags_of(server)) as process:
        _, stderr = process.communicate(b"a,b\n1,2\n", timeout=30)
    assert process.returncode == 2
    assert stderr.startswith(b"error: stdin: no column 'text'.")


def test_it_can_be_interrupted_while_nothing_comes(tmp_path):
    output = ("--output", tmp_path / "out.jsonl")
    with LightServer() as server, started("sentiment", "-", *output, *flags_of(server)) as process:
        process.stdin.write(b"good\n")
        process.stdin.flush()
        while not server.batches:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == b"interrupted\n"
    assert os.listdir(tmp_path) == []


def test_stdin_may_be_compressed():
    with LightServer() as server, started("sentiment", "-", *flags_of(server)) as process:
        stdout, _ = process.communicate(gzip.compress(b"good\n"), timeout=30)
    assert json.loads(stdout) == {"id": "stdin:1", "probability": 0.9}


def flags_of(server):
    return ("--endpoint", server.endpoint("http"))
