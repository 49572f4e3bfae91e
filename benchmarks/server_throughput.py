r"""Throughput and latency of whole servers: many clients, each with one review at a time.

python -m benchmarks.server_throughput --run_dir runs/imdb --reviews aclImdb_v1.tar.gz \
    --preset data/presets/minilm --peer_python peer/bin/python

The sides, all asked the same reviews by `serving.load_test` in turns, while the others are idle:

- `bertline`: the export on the embedded server with dynamic batching, in both precisions and over
  both transports;
- `keras`: the same run as Keras exports it, every text padded to the full length, on that server;
- `pytorch`: benchmarks/pytorch_server.py, whose docstring tells how to set its Python up;
- `process`: the export's batches without a server, see benchmarks/serving_batching.py.

Then each side is asked by a lone client, one request after the other.
"""

import argparse
import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

from benchmarks.peer_python import check_peer_python, package_versions
from benchmarks.server_sides import (
    PRECISIONS,
    InProcess,
    running,
    server_command,
    speed,
    write_models,
)
from benchmarks.serving_graphs import review_texts
from benchmarks.training_sides import write_json
from demo.processes import interrupt_on_termination
from demo.serving import free_ports
from preprocessing import command_line
from preprocessing.errors import InputError
from serving.load_test.figures import figures
from serving.load_test.plan import CLOSED, Load, Target
from serving.load_test.processes import run_load

PEER = "benchmarks/pytorch_server.py"
PEER_PACKAGES = ("torch", "transformers", "tokenizers", "fastapi", "uvicorn", "uvloop", "httptools")
TIMEOUT_S = 120.0  # of one request: 32 of the slowest side take a few seconds

# Asks a side with so many clients; gives requests_per_s, p50 and p99 in ms.
Ask = Callable[[int], dict[str, float]]


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    for name in ("clients", "limit", "repeat"):
        if getattr(flags, name) < 1:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected at least 1.")
    check_peer_python(flags.peer_python, PEER_PACKAGES, PEER, "benchmarks.serving_batching")
    interrupt_on_termination()  # ends the servers, too
    texts = [text for (text,) in review_texts(flags.reviews, flags.limit, 1)]
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        sides = _start(stack, flags, pathlib.Path(temporary), texts)
        found = {
            clients: in_turns(sides, clients, flags.repeat)
            for clients in dict.fromkeys((flags.clients, 1))
        }
    for clients, runs in found.items():
        print(table(clients, runs))
    if flags.output:
        settings = {
            "clients": flags.clients, "limit": flags.limit, "duration_s": flags.duration_s,
            "load_before": load_before,
            "versions": package_versions(flags.peer_python, PEER_PACKAGES),
        }  # fmt: skip
        write_json(flags.output, settings | {"runs": found})


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.server_throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run_dir", required=True, type=pathlib.Path, help="of the trainer: imdb")
    parser.add_argument("--reviews", required=True, help="aclImdb, of which the test split is used")
    parser.add_argument("--preset", required=True, help="the run's, for the peer")
    parser.add_argument("--peer_python", help=f"a Python with the packages of {PEER}")
    parser.add_argument("--clients", type=int, default=32, help="requests under way at once")
    parser.add_argument("--limit", type=int, default=256, help="different reviews")
    parser.add_argument("--duration_s", type=float, default=15.0, help="of each run of a side")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side, in turns")
    parser.add_argument("--threads", type=int, default=1, help="num_batch_threads")
    parser.add_argument("--max_batch_size", type=int, default=32, help="of the embedded server")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for all the numbers")
    command_line.add_verbose_flag(parser)
    return parser


def _start(
    stack: contextlib.ExitStack,
    flags: argparse.Namespace,
    work: pathlib.Path,
    texts: Sequence[str],
) -> dict[str, Ask]:
    """Writes the models, starts all servers, and says how each side is asked."""
    context = multiprocessing.get_context("spawn")
    pools = {
        name: stack.enter_context(concurrent.futures.ProcessPoolExecutor(1, mp_context=context))
        for name in PRECISIONS
    }
    next(iter(pools.values())).submit(write_models, flags.run_dir, work).result()
    grpc, rest, *peers = free_ports(4)
    stack.enter_context(
        running(server_command(flags, work, grpc, rest), work / "server.log", "REST: l")
    )
    sides: dict[str, Ask] = {}
    for name in PRECISIONS:
        sides[f"bertline {name}, gRPC"] = _load(f"grpc://localhost:{grpc}", name, texts, flags)
        sides[f"bertline {name}, REST"] = _load(f"http://localhost:{rest}", name, texts, flags)
    sides["keras float32, gRPC"] = _load(f"grpc://localhost:{grpc}", "keras", texts, flags)
    for name, port in zip(PRECISIONS, peers, strict=True):
        command = [flags.peer_python, "-m", PEER.removesuffix(".py").replace("/", ".")]
        command += [f"--preset={flags.preset}", f"--port={port}", f"--precision={name}"]
        stack.enter_context(running(command, work / f"pytorch-{name}.log", "ready"))
        sides[f"pytorch {name}, REST"] = _load(
            f"http://localhost:{port}", "sentiment", texts, flags
        )
    for name, pool in pools.items():
        asked = InProcess(work / name / "1", texts, flags.threads, flags.max_batch_size)
        sides[f"process {name}"] = _submitted(pool, asked)
    return sides


def _load(endpoint: str, model: str, texts: Sequence[str], flags: argparse.Namespace) -> Ask:
    target = Target(
        endpoint=endpoint, model=model, version=None, signature_name=None, timeout_s=TIMEOUT_S,
        rows=1,
    )  # fmt: skip
    requests = [{"text": [text]} for text in texts]

    def ask(clients: int) -> dict[str, float]:
        load = Load(
            loop=CLOSED, amount=clients, warm_up_s=3.0, duration_s=flags.duration_s, processes=1,
            seed=0,
        )  # fmt: skip
        found = figures(load, run_load(target, load, requests, lambda sent, ended: None), 1)
        if found["errors"]:
            raise InputError(f"{endpoint} {model}: {found['errors']}")
        return speed(found["requests_per_s"], found["latency_ms"])

    return ask


def _submitted(pool: concurrent.futures.Executor, asked: InProcess) -> Ask:
    return lambda clients: pool.submit(asked, clients).result()


def in_turns(
    sides: Mapping[str, Ask], clients: int, repeat: int
) -> dict[str, list[dict[str, float]]]:
    """Side -> what each of its runs found; in turns and back, so that none always follows one."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    names = list(sides)
    for ask in sides.values():
        ask(clients)  # untimed
    for repetition in range(repeat):
        for side in names if repetition % 2 == 0 else names[::-1]:
            found[side].append(sides[side](clients))
            print(f"{clients} clients, {side}: {found[side][-1]}", file=sys.stderr)
    return found


def table(clients: int, found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Markdown: medians over the runs."""
    lines = [
        f"| {clients} clients | requests/s (slowest, fastest) | p50, ms | p99, ms |",
        "|---|---|---|---|",
    ]
    for side, runs in found.items():
        speeds = [run["requests_per_s"] for run in runs]
        cells = [f"{statistics.median(speeds):.1f} ({min(speeds):.1f}, {max(speeds):.1f})"]
        for name in ("p50", "p99"):
            waits = [run[name] for run in runs if name in run]
            cells.append(f"{statistics.median(waits):.1f}" if waits else "")
        lines.append(f"| {side} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main)
