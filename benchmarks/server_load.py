"""What `server_soak` and `hot_reload` share: a server, its load, and its memory."""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import pathlib
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import httpx
import psutil

from benchmarks.server_sides import running
from demo.serving import free_ports
from preprocessing import command_line
from serving import protocol

MODEL = "asked"


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
        self._thread = threading.Thread(target=self._run, daemon=True)
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


@dataclasses.dataclass(frozen=True)
class Server:
    """The embedded server, with one model."""

    process: subprocess.Popen
    port: int
    rest_port: int
    log: pathlib.Path


@contextlib.contextmanager
def serve(model_dir: pathlib.Path, folder: pathlib.Path, *more: str) -> Iterator[Server]:
    """Serves a model for the length of a block; `more` are further flags of the server."""
    port, rest_port = free_ports(2)
    command = [
        *(sys.executable, "-m", "serving.server", f"--port={port}", f"--rest_api_port={rest_port}"),
        *(f"--model_name={MODEL}", f"--model_base_path={model_dir.resolve()}"),
        *("--grpc_max_threads=256", *more),
    ]
    log = folder / "server.log"
    with running(command, log, "REST: listening") as process:
        yield Server(process, port, rest_port, log)


def load_parser(
    name: str, description: str, duration_s: float, load: float
) -> argparse.ArgumentParser:
    """Flags of what to serve, and how much to ask of it; with the defaults given."""
    parser = command_line.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model_dir", type=pathlib.Path, required=True)
    parser.add_argument(
        "--inputs",
        type=json.loads,
        default={"text": "a rather good film"},
        help="alias -> text, as JSON; of qa the question and the context",
    )
    parser.add_argument("--duration_s", type=float, default=duration_s)
    parser.add_argument("--load", type=float, default=load, help="share of the capacity")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--server_flags", nargs="*", default=[])
    return parser


def capacity(load: Load, duration_s: float) -> float:
    """Requests per second that the server takes; says it."""
    found = load.closed(min(30.0, duration_s / 10))
    print(f"capacity: {found:.1f} requests/s", flush=True)
    load.latencies.clear()
    return found


def told(load: Load) -> str:
    """How many requests failed, and how long the others took."""
    latencies = statistics.quantiles(load.latencies, n=100)
    return (
        f"{len(load.latencies)} requests, {len(load.failures)} failed; latency "
        f"p50 {latencies[49] * 1e3:.0f} ms, p99 {latencies[98] * 1e3:.0f} ms"
    )


def conclude(wrong: list[str]) -> None:
    """Prints the verdict, and exits with 1 where something is wrong."""
    print("verdict: " + ("; ".join(wrong) if wrong else "no failure, no growth"))
    if wrong:
        sys.exit(1)
