r"""Keeps the embedded server under load, and watches its memory and descriptors.

python -m benchmarks.server_soak --model_dir models/sentiment --duration_s 1800 --load 0.8

First as many requests as the server takes, for a tenth of the time but at most 30 s; then that
rate times --load, half over gRPC and half over REST, with texts of many lengths. In the middle 100
clients with a request under way are killed. The verdict is the exit status: 0 without a failed
request and without growth, else 1.
"""

import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading

from benchmarks import raw_clients
from benchmarks.server_load import (
    MODEL,
    Load,
    Sample,
    Watch,
    capacity,
    conclude,
    load_parser,
    serve,
    told,
)
from preprocessing import command_line
from serving import protocol

VICTIMS = 50  # of each transport
MAX_GROWTH = 0.05  # of the memory, between the second and the last quarter of the time
MAX_DESCRIPTORS_MORE = 10


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
    with serve(flags.model_dir, folder, *flags.server_flags) as server:
        load = Load(server.port, server.rest_port, flags.inputs, flags.clients)
        rate = capacity(load, flags.duration_s) * flags.load
        watch = Watch(server.process.pid)
        killer = threading.Timer(
            flags.duration_s / 2, kill_clients, (server.port, server.rest_port, load)
        )
        killer.daemon = True
        killer.start()
        load.open(rate, flags.duration_s)
        killer.join()
        samples = watch.stop()
        print(told(load))
        wrong = verdict(load, samples)
        server.process.send_signal(signal.SIGTERM)
        if status := server.process.wait(70):
            wrong.append(f"the server ended with {status}")
    return wrong


def main(arguments: list[str]) -> None:
    """Reads the flags, prints the verdict; exits with 1 unless it is good."""
    parser = load_parser("server_soak", __doc__, duration_s=1800, load=0.8)
    flags = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(flags, pathlib.Path(folder))
    conclude(wrong)


if __name__ == "__main__":
    command_line.run(main)
