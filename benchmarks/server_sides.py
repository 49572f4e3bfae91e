"""The sides of `benchmarks.server_throughput`: their models and servers, and no server at all."""

import argparse
import contextlib
import dataclasses
import functools
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import serving_batching
from benchmarks.training_sides import ROOT
from demo.processes import child
from preprocessing import command_line
from preprocessing.errors import InputError
from serving.load_test.figures import percentiles_ms

PRECISIONS = ("float32", "bfloat16")
START_TIMEOUT_S = 180.0


def write_models(run_dir: pathlib.Path, work: pathlib.Path) -> None:
    """Writes version 1 of the models float32, bfloat16 and keras, and the config of all three."""
    command_line.load_tensorflow()
    from benchmarks.keras_graph import write_keras_graph
    from serving.frozen import served_module
    from serving.saved_graph import save
    from trainer.run_dir import load_run

    run = load_run(run_dir)
    for precision in PRECISIONS:
        save(served_module(run, None, dtype=precision), work / precision / "1")
    write_keras_graph(run, work / "keras" / "1")
    entries = "\n".join(
        f'config {{ name: "{name}" base_path: "{work / name}" model_platform: "tensorflow" }}'
        for name in (*PRECISIONS, "keras")
    )
    (work / "models.config").write_text(f"model_config_list {{ {entries} }}\n")


def server_command(
    flags: argparse.Namespace, work: pathlib.Path, port: int, rest_port: int
) -> Sequence[str]:
    """The embedded server's command: a thread for each client, so that batches can fill."""
    parameters = work / "batching.config"
    parameters.write_text(
        f"max_batch_size {{ value: {flags.max_batch_size} }}\n"
        f"num_batch_threads {{ value: {flags.threads} }}\n"
        f"batch_timeout_micros {{ value: 0 }}\nmax_enqueued_batches {{ value: {flags.clients} }}\n"
    )
    return [
        *(sys.executable, "-m", "serving.server", f"--port={port}", f"--rest_api_port={rest_port}"),
        *(f"--model_config_file={work / 'models.config'}", "--enable_batching"),
        *(f"--batching_parameters_file={parameters}", f"--grpc_max_threads={2 * flags.clients}"),
        f"--rest_api_num_threads={2 * flags.clients}",
    ]


@contextlib.contextmanager
def running(command: Sequence[str], log: pathlib.Path, ready: str) -> Iterator[subprocess.Popen]:
    """Runs a server for the length of a block, which begins when its log says that it is ready."""
    with (
        log.open("w") as output,
        child(command, cwd=ROOT, stdout=output, stderr=output) as process,
    ):
        deadline = time.monotonic() + START_TIMEOUT_S
        while ready not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text().strip().rpartition("\n")[2] or "nothing"
                raise InputError(f"{' '.join(command[:3])} does not serve; it said: {said}")
            time.sleep(0.2)
        yield process


@dataclasses.dataclass(frozen=True)
class InProcess:
    """Asks a graph in the process that calls this, by no server."""

    version: pathlib.Path
    texts: Sequence[str]
    threads: int
    max_batch_size: int

    def __call__(self, clients: int) -> dict[str, float]:
        """With several clients the speed of their batches alone, without their queue."""
        model = _loaded(self.version)
        if clients == 1:
            return _lone(model, self.texts)
        side = serving_batching.Side(self.threads, self.max_batch_size, by_length=True)
        flags = argparse.Namespace(clients=clients, batch_timeout_micros=0)
        found = serving_batching.measure(model, self.texts, side, flags)
        return {"requests_per_s": found["per_second"] / found["of_direct"]}


@functools.cache
def _loaded(version: pathlib.Path) -> Any:
    command_line.load_tensorflow()
    from tensorflow.core.protobuf import config_pb2

    from serving.server import loader

    return loader.load(str(version), ["serve"], config_pb2.ConfigProto())


def _lone(model: Any, texts: Sequence[str]) -> dict[str, float]:
    import numpy as np

    signature = model.signatures["serving_default"]
    (text,), outputs = signature.inputs.values(), signature.outputs.values()
    waits = []
    for review in texts:
        started = time.perf_counter()
        feeds = {text.name: np.array([review.encode()], object)}
        model.run(feeds, [output.name for output in outputs])
        waits.append(time.perf_counter() - started)
    return speed(len(waits) / sum(waits), percentiles_ms(waits))


def speed(requests_per_s: float, latency_ms: Mapping[str, float]) -> dict[str, float]:
    """What one run of a side found."""
    waits = {name: latency_ms[name] for name in ("p50", "p99") if name in latency_ms}
    return {"requests_per_s": requests_per_s, **waits}
