r"""Keeps the embedded server under load, and watches its memory and descriptors.

python -m benchmarks.server_soak --model_dir models/sentiment --duration_s 1800 --load 0.8

First as many requests as the server takes, for a tenth of the time but at most 30 s; then that
rate times --load, half over gRPC and half over REST, with texts of many lengths. In the middle 100
clients with a request under way are killed. The verdict is the exit status: 0 without a failed
request and without growth, else 1.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

import grpc
import httpx
import psutil

from benchmarks import raw_clients
from benchmarks.training_sides import ROOT
from serving import protocol

VICTIMS = 50  # of each transport
MAX_GROWTH = 0.05  # of the memory, between the second and the last quarter of the time
MAX_DESCRIPTORS_MORE = 10
MODEL = "soak"


@dataclasses.dataclass(frozen=True)
class Sample:
    """The server process at one moment."""

    rss_mib: float
    descriptors: int


class Load:
    """Clients of both transports; counts what they see. Latencies are in seconds."""

    def __init__(self, port: int, rest_port: int, inputs: dict[str, str], clients: int):
        self._inputs, self._clients = inputs, clients
        self._channel = grpc.insecure_channel(f"localhost:{port}")
        self._predict = self._channel.unary_unary(
            protocol.PREDICT,
            request_serializer=protocol.PredictRequest.SerializeToString,
            response_deserializer=protocol.PredictResponse.FromString,
        )
        limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
        url = f"http://localhost:{rest_port}"
        self._http = httpx.Client(base_url=url, timeout=60, limits=limits, trust_env=False)
        self.latencies: list[float] = []
        self.failures: list[str] = []

    def grpc_message(self, times: int = 1) -> protocol.PredictRequest:
        """A request whose texts are that many times as long."""
        request = protocol.PredictRequest()
        request.model_spec.name = MODEL
        for alias, text in self._inputs.items():
            tensor = request.inputs[alias]
            tensor.dtype = protocol.DataType.DT_STRING
            tensor.tensor_shape.dim.add(size=1)
            tensor.string_val.append(f"{text} ".encode() * times)
        return request

    def rest_body(self, times: int = 1) -> str:
        """The same for REST."""
        row = {alias: f"{text} " * times for alias, text in self._inputs.items()}
        return json.dumps({"instances": [row]})

    def ask(self, due: float | None = None) -> None:
        """One request; its latency counts from when it was due."""
        start = due or time.monotonic()
        times = random.randint(1, 8)
        try:
            if random.random() < 0.5:
                self._predict(self.grpc_message(times), timeout=60)
            else:
                path = f"/v1/models/{MODEL}:predict"
                self._http.post(path, content=self.rest_body(times)).raise_for_status()
        except (grpc.RpcError, httpx.HTTPError) as error:
            self.failures.append(" ".join(str(error).split()))
        self.latencies.append(time.monotonic() - start)

    def closed(self, duration_s: float) -> float:
        """Every client asks without a pause; requests per second."""
        end = time.monotonic() + duration_s
        before = len(self.latencies)

        def client() -> None:
            while time.monotonic() < end:
                self.ask()

        self._in_threads(client)
        return (len(self.latencies) - before) / duration_s

    def open(self, rate: float, duration_s: float) -> None:
        """`rate` requests per second, whenever the ones before are answered."""
        start = time.monotonic()
        lock, count = threading.Lock(), iter(range(int(rate * duration_s)))

        def client() -> None:
            while True:
                with lock:
                    number = next(count, None)
                if number is None:
                    return
                due = start + number / rate
                time.sleep(max(0.0, due - time.monotonic()))
                self.ask(due)

        self._in_threads(client)

    def _in_threads(self, client: Callable[[], None]) -> None:
        with concurrent.futures.ThreadPoolExecutor(self._clients) as threads:
            for one in [threads.submit(client) for _ in range(self._clients)]:
                one.result()


class Watch:
    """Samples a process every second, in a thread."""

    def __init__(self, pid: int):
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """The samples."""
        self._stop.set()
        self._thread.join()
        return self.samples

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            memory, descriptors = self._process.memory_info(), self._process.num_fds()
            self.samples.append(Sample(memory.rss / 2**20, descriptors))


def kill_clients(port: int, rest_port: int, load: Load) -> None:
    """100 clients, each in a process of its own, are killed with their request under way."""
    message = load.grpc_message(8).SerializeToString()
    requests = [
        raw_clients.grpc_request(protocol.PREDICT.encode(), message),
        raw_clients.rest_request(f"/v1/models/{MODEL}:predict", load.rest_body(8)),
    ]
    clients = subprocess.Popen(
        [sys.executable, raw_clients.__file__, str(port), str(rest_port), str(VICTIMS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert clients.stdin is not None
    assert clients.stdout is not None
    clients.stdin.write("\n".join(request.hex() for request in requests))
    clients.stdin.close()
    children = clients.stdout.readline().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    clients.kill()
    clients.wait()
    print(f"killed {len(children)} clients", flush=True)


def verdict(load: Load, samples: list[Sample]) -> list[str]:
    """What is wrong; nothing if all is well."""
    wrong = []
    if load.failures:
        wrong.append(f"{len(load.failures)} requests failed, such as: {load.failures[0]}")
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    before, after = (statistics.median(one.rss_mib for one in part) for part in (early, late))
    print(f"memory: {before:.0f} MiB in the second quarter, {after:.0f} MiB in the last")
    if after > before * (1 + MAX_GROWTH):
        wrong.append(f"the memory has grown by {after - before:.0f} MiB")
    before, after = early[0].descriptors, late[-1].descriptors
    print(f"descriptors: {before} in the second quarter, {after} at the end")
    if after > before + MAX_DESCRIPTORS_MORE:
        wrong.append(f"there are {after - before} descriptors more")
    return wrong


def run(flags: argparse.Namespace, folder: pathlib.Path) -> list[str]:
    """The whole test; what is wrong."""
    port, rest_port = _free_port(), _free_port()
    command = [
        sys.executable, "-m", "serving.server", f"--port={port}", f"--rest_api_port={rest_port}",
        f"--model_name={MODEL}", f"--model_base_path={flags.model_dir.resolve()}",
        "--grpc_max_threads=256", *flags.server_flags,
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        while "REST: listening" not in (folder / "log").read_text():
            if server.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.1)
        load = Load(port, rest_port, flags.inputs, flags.clients)
        capacity = load.closed(min(30.0, flags.duration_s / 10))
        print(f"capacity: {capacity:.1f} requests/s with {flags.clients} clients", flush=True)
        load.latencies.clear()
        watch = Watch(server.pid)
        killer = threading.Timer(flags.duration_s / 2, kill_clients, (port, rest_port, load))
        killer.start()
        load.open(capacity * flags.load, flags.duration_s)
        killer.join()
        samples = watch.stop()
        latencies = statistics.quantiles(load.latencies, n=100)
        print(
            f"{len(load.latencies)} requests, {len(load.failures)} failed; latency "
            f"p50 {latencies[49] * 1e3:.0f} ms, p99 {latencies[98] * 1e3:.0f} ms"
        )
        wrong = verdict(load, samples)
        server.send_signal(signal.SIGTERM)
        if status := server.wait(70):
            wrong.append(f"the server ended with {status}")
        return wrong
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


def main() -> int:
    """Reads the flags, prints the verdict; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", type=pathlib.Path, required=True)
    parser.add_argument(
        "--inputs",
        type=json.loads,
        default={"text": "a rather good film"},
        help="alias -> text, as JSON; of qa the question and the context",
    )
    parser.add_argument("--duration_s", type=float, default=1800)
    parser.add_argument("--load", type=float, default=0.8, help="share of the capacity")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--server_flags", nargs="*", default=[])
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(flags, pathlib.Path(folder))
    print("verdict: " + ("; ".join(wrong) if wrong else "no failure, no growth"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
