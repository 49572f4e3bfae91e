"""The load test against real servers, one of which stands still for a while."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from preprocessing.errors import InputError
from serving.load_test.figures import figures, percentiles_ms
from serving.load_test.plan import CLOSED, OPEN, Load, Outcome, Target
from serving.load_test.processes import run_load
from serving.load_test.texts import from_file, generated, requests
from tests.serving import served_models
from tests.serving.clients.light_server import LightServer
from tests.serving.server_process import REPOSITORY, free_port, running_server, write_config

REQUESTS = [{"text": ["good"]}, {"text": ["bad"]}]


def a_load(loop, amount, **changes):
    settings = {"warm_up_s": 0.0, "duration_s": 1.0, "processes": 1, "seed": 3}
    return Load(loop=loop, amount=amount, **{**settings, **changes})


def a_target(endpoint):
    return Target(endpoint=endpoint, model="sentiment", version=None, signature_name=None,
                  timeout_s=20.0, rows=1)  # fmt: skip


def watch_nothing(sent, ended):
    pass


def test_percentiles_are_latencies_that_were_measured():
    seconds = [n / 1000 for n in range(1, 2001)]  # 1 to 2,000 ms
    assert percentiles_ms(seconds[::-1]) == {
        "p50": 1000.0, "p90": 1800.0, "p95": 1900.0, "p99": 1980.0, "p99.9": 1998.0, "max": 2000.0,
    }  # fmt: skip
    assert percentiles_ms([]) == {}


def test_the_figures_of_several_processes():
    outcomes = [
        Outcome([0.01, 0.02], [0.0, 0.001], {"HTTP 503": 1}, 2, 0.25, {"HTTP 503": "busy"}),
        Outcome(
            [0.03],
            [0.5],
            {"HTTP 503": 2, "UNAVAILABLE": 1},
            4,
            0.95,
            {"HTTP 503": "stopping", "UNAVAILABLE": "gone"},
        ),
    ]
    found = figures(a_load(OPEN, 7, duration_s=2.0, processes=2), outcomes, rows=3)
    assert (found["loop"], found["rate"], found["requests"]) == ("open", 7, 7)
    assert found["errors"] == {"HTTP 503": 3, "UNAVAILABLE": 1}
    assert found["first_messages"] == {"HTTP 503": "busy", "UNAVAILABLE": "gone"}
    assert (found["requests_per_s"], found["rows_per_s"]) == (3.0, 9.0)
    assert (found["latency_ms"]["p50"], found["latency_ms"]["max"]) == (20.0, 30.0)
    assert "sent 500 ms late or more" in found["sender"]["limit"]
    closed = figures(a_load(CLOSED, 7, processes=2), outcomes, rows=3)
    assert closed["sender"]["limit"] == "a process used 95% of a core: give more --processes"
    assert figures(a_load(CLOSED, 1), outcomes[:1], rows=1)["sender"]["limit"] is None


def test_arrivals_are_poisson():
    load = a_load(OPEN, 200, duration_s=50, processes=2)
    parts = [list(load.arrivals_of(process)) for process in range(2)]
    assert parts[0] == list(load.arrivals_of(0)) != parts[1]
    arrivals = sorted(parts[0] + parts[1])
    gaps = [b - a for a, b in zip([0.0, *arrivals], arrivals, strict=False)]
    assert len(arrivals) == pytest.approx(10_000, rel=0.05)
    assert arrivals[-1] < 50
    # Of exponential gaps the share above the mean is 1/e, above twice the mean 1/e².
    assert sum(gap > 0.005 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.02)
    assert sum(gap > 0.01 for gap in gaps) / len(gaps) == pytest.approx(0.135, abs=0.02)


def test_clients_are_shared_out():
    load = a_load(CLOSED, 7, processes=3)
    assert [load.clients_of(process) for process in range(3)] == [3, 2, 2]


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_closed_loop_has_no_more_under_way_than_clients(scheme):
    with LightServer() as server:
        load = a_load(CLOSED, 3, processes=2, warm_up_s=0.2, duration_s=0.4)
        target = a_target(server.endpoint(scheme))
        outcomes = run_load(target, load, [{"text": ["together"]}], watch_nothing)
        found = figures(load, outcomes, rows=1)
        assert server.most_at_once == 3
        assert found["errors"] == {}
        assert found["requests"] < len(server.batches)  # those of the warm-up are left out


@pytest.mark.parametrize(("scheme", "failure"), [("grpc", "RESOURCE_EXHAUSTED"), ("http", 429)])
def test_errors_are_counted_by_code_and_not_sent_again(scheme, failure):
    with LightServer([failure] * 10) as server:
        load = a_load(OPEN, 50)
        outcomes = run_load(a_target(server.endpoint(scheme)), load, REQUESTS, watch_nothing)
        found = figures(load, outcomes, rows=1)
        # Over REST the call that connects asks for a status, which takes no failure away.
        assert found["errors"] == {failure if scheme == "grpc" else "HTTP 429": 10}
        assert found["requests"] == len(list(load.arrivals_of(0))) == len(server.batches)


def test_no_server():
    load = a_load(OPEN, 20)
    target = a_target(f"grpc://127.0.0.1:{free_port()}")
    found = figures(load, run_load(target, load, REQUESTS, watch_nothing), rows=1)
    assert list(found["errors"]) == ["UNAVAILABLE"]
    assert (found["latency_ms"], found["requests_per_s"]) == ({}, 0.0)


@pytest.mark.parametrize(
    ("loop", "amount"), [(OPEN, 100), pytest.param(CLOSED, 1, marks=pytest.mark.slow)]
)
def test_an_open_loop_does_not_hide_that_the_server_stood_still(loop, amount):
    command = [sys.executable, "-m", "tests.serving.clients.light_server", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as server:
        try:
            port = int(server.stdout.readline().split()[0])
            stopped = []

            def stop_once(sent, ended):
                if ended > 5 and not stopped:  # answers have come
                    stopped.append(time.monotonic())
                    server.send_signal(signal.SIGSTOP)
                    threading.Timer(1.0, server.send_signal, [signal.SIGCONT]).start()

            load = a_load(loop, amount, duration_s=3.0)
            target = a_target(f"grpc://127.0.0.1:{port}")
            latencies = run_load(target, load, REQUESTS, stop_once)[0].latencies
        finally:
            server.send_signal(signal.SIGCONT)
            server.kill()
    slow = sum(latency > 0.3 for latency in latencies)
    assert max(latencies) > 0.9
    if loop == OPEN:  # about 70 were meant to be sent in the first 0.7 s of that second
        assert slow > 40
    else:
        assert slow < 5


def test_generated_texts_and_requests_of_several_rows():
    texts = generated(is_qa=True, seed=1)
    assert texts == generated(is_qa=True, seed=1) != generated(is_qa=True, seed=2)
    lengths = sorted(len(context.split()) for _, context in texts)
    assert lengths[0] < 40 < 150 < lengths[-1] <= 400
    assert requests([("a", "1"), ("b", "2"), ("c", "3")], ("question", "context"), 2) == [
        {"question": ["a", "b"], "context": ["1", "2"]},
        {"question": ["c", "a"], "context": ["3", "1"]},
    ]


def test_texts_of_a_file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_bytes(b"one\n\n\xff\ntwo\n")
    assert from_file(str(path), False, "text") == [("one",), ("two",)]
    path.write_text("\n")
    with pytest.raises(InputError, match="no row that can be read"):
        from_file(str(path), False, "text")


def run_command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "serving.load_test", *map(str, arguments)], capture_output=True,
        text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def test_a_sweep_with_its_report_and_picture(small_models_server, tmp_path):
    target = ("--endpoint", f"http://localhost:{small_models_server.rest_port}", "--model", "qa")
    times = ("--duration_s", 0.5, "--warm_up_s", 0.2)
    ended = run_command(*target, *times, "--rate", "5,20", "--output_dir", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["model"], report["version"]) == ("qa", 123)
    assert [level["rate"] for level in report["levels"]] == [5, 20]
    assert list(report["levels"][1]["latency_ms"]) == ["p50", "p90", "p95", "p99", "p99.9", "max"]
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert sorted(os.listdir(tmp_path)) == ["latency.png", "report.json"]
    # A row may have a note below it, that the sender was late: on a busy machine it is.
    starts = [line.split()[0] for line in ended.stdout.splitlines()[2:-1]]
    assert [start for start in starts if start != "note:"] == ["5/s", "20/s"]


@pytest.fixture(scope="module")
def server_of_eight_rows(tmp_path_factory):
    """Refuses requests of more than 8 rows."""
    root = tmp_path_factory.mktemp("eight")
    served_models.sentiment(root / "sentiment" / "1")
    (root / "batching").write_text("max_batch_size { value: 8 }")
    flags = ("--enable_batching", f"--batching_parameters_file={root / 'batching'}")
    config = write_config(root / "config", {"sentiment": (root / "sentiment", "")})
    with running_server(root / "log", config, *flags) as server:
        yield server.wait_until_ready()


@pytest.mark.parametrize(
    ("scheme", "code"), [("http", "HTTP 400"), ("grpc", "INVALID_ARGUMENT")], ids=["http", "grpc"]
)
def test_a_load_without_an_answer_says_why_and_fails(server_of_eight_rows, tmp_path, scheme, code):
    server = server_of_eight_rows
    port = server.port if scheme == "grpc" else server.rest_port
    ended = run_command(
        "--endpoint", f"{scheme}://localhost:{port}", "--rate", "10,20", "--duration_s", 0.5,
        "--warm_up_s", 0, "--rows", 9, "--output_dir", tmp_path,
    )  # fmt: skip
    assert ended.returncode == 1
    assert [line.split(":")[:2] for line in ended.stderr.splitlines()] == [
        ["error", " 10/s"], ["error", " 20/s"],
    ]  # fmt: skip
    levels = json.loads((tmp_path / "report.json").read_text())["levels"]
    for level, line in zip(levels, ended.stderr.splitlines(), strict=True):
        assert list(level["first_messages"]) == list(level["errors"]) == [code]
        # TF Serving's words
        words = "sentiment: Task size 9 is larger than maximum input batch size 8"
        assert words in level["first_messages"][code]
        assert f"none of {level['errors'][code]} requests was answered" in line
    assert ended.stdout.count(f"first {code}: {levels[0]['first_messages'][code]}\n") == 1
    assert "nan" not in ended.stdout


def test_a_load_that_sends_nothing_says_so(small_models_server):
    endpoint = ("--endpoint", f"grpc://localhost:{small_models_server.port}")
    ended = run_command(*endpoint, "--rate", 0.001, "--duration_s", 0.1, "--warm_up_s", 0)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "error: 0.001/s: no request began in the measured time" in ended.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--clients", "1,x"], "--clients is '1,x', expected numbers"),
        (["--clients", "1.5"], "--clients is 1.5, expected whole numbers"),
        (["--rate", "0"], "a load of 0"),
        (["--clients", "1", "--model", "workbench"], "expected text, or question and context"),
        (["--clients", "1", "--model", "nope"], "Servable not found"),
    ],
)
def test_mistakes_are_one_line(small_models_server, flags, message):
    endpoint = ("--endpoint", f"grpc://localhost:{small_models_server.port}")
    ended = run_command(*endpoint, *flags)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert message in ended.stderr
