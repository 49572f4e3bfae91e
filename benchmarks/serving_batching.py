"""Times dynamic batching in-process: many clients with one review each, with and without grouping.

python -m benchmarks.serving_batching --model models/sentiment/1 --reviews aclImdb_v1.tar.gz

Each side is a number of threads, a size of batches, and whether texts of like length go together.
Clients are threads that ask for the next review as soon as they have an answer; all sides answer
the same reviews, in turns. Then the very batches of a side run again without any queue, from as
many threads: `of direct` is the share of that speed which batching keeps. `CPU` is the processor
time of the whole process for a review, which other work on the machine changes less.
"""

import argparse
import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.serving_graphs import review_texts
from benchmarks.training_sides import write_json
from preprocessing import command_line
from preprocessing.errors import InputError


@dataclasses.dataclass(frozen=True)
class Side:
    """One way to batch."""

    threads: int
    max_batch_size: int
    by_length: bool

    def __str__(self) -> str:
        order = "by length" if self.by_length else "in order of arrival"
        return f"{self.threads} threads, batches of {self.max_batch_size}, {order}"


class Recorded:
    """A model that keeps what each of its runs was fed."""

    def __init__(self, model: Any):
        self.signatures, self._model = model.signatures, model
        self.runs: list[tuple] = []

    def run(self, feeds: Mapping, fetches: Sequence[str], timeout_s: float | None = None) -> list:
        """See `LoadedModel`."""
        self.runs.append((feeds, fetches))
        return self._model.run(feeds, fetches, timeout_s)

    def close(self) -> None:
        """The model stays open for the next side."""


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    sides = _sides(flags)
    texts = [text for (text,) in review_texts(flags.reviews, flags.limit, 1)]
    command_line.load_tensorflow()
    from tensorflow.core.protobuf import config_pb2

    from serving.server import loader

    model = loader.load(str(flags.model), ["serve"], config_pb2.ConfigProto())
    measure(model, texts[: 2 * flags.clients], sides[-1], flags)  # untimed
    found: dict[str, list[dict[str, float]]] = {str(side): [] for side in sides}
    load_before = os.getloadavg()[0]
    for repetition in range(flags.repeat):
        # In turns and back, so that none always runs after the same other.
        for side in sides if repetition % 2 == 0 else sides[::-1]:
            found[str(side)].append(measure(model, texts, side, flags))
            print(f"run {repetition + 1} {side}: {found[str(side)][-1]}", file=sys.stderr)
    print(table(found))
    if flags.output:
        settings = {"clients": flags.clients, "limit": flags.limit, "load_before": load_before}
        write_json(flags.output, settings | {"runs": found})


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.serving_batching",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, type=pathlib.Path, help="a sentiment version")
    parser.add_argument("--reviews", required=True, help="aclImdb, of which the test split is used")
    parser.add_argument("--clients", type=int, default=32, help="requests under way at once")
    parser.add_argument("--limit", type=int, default=256, help="reviews that each side answers")
    parser.add_argument("--threads", default="1,2", help="num_batch_threads, comma-separated")
    parser.add_argument("--max_batch_sizes", default="8,32", help="comma-separated")
    parser.add_argument("--batch_timeout_micros", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side, in turns")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for all the numbers")
    command_line.add_verbose_flag(parser)
    return parser


def _sides(flags: argparse.Namespace) -> list[Side]:
    for name in ("clients", "limit", "repeat"):
        if getattr(flags, name) < 1:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected at least 1.")
    numbers = [_numbers(name, getattr(flags, name)) for name in ("threads", "max_batch_sizes")]
    return list(itertools.starmap(Side, itertools.product(*numbers, (False, True))))


def _numbers(name: str, text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"--{name} is {text!r}, expected numbers from 1, such as 1,2.")
    return [int(part) for part in parts]


def measure(
    model: Any, texts: Sequence[str], side: Side, flags: argparse.Namespace
) -> dict[str, float]:
    """Answers all texts by way of batching, then its batches without.

    Returns:
        `per_second`, `p50_ms` and `p99_ms` of a client, `cpu_ms` of a review, `batch_size` on
        average, `of_direct`.
    """
    from serving.server.batch_scheduler import BatchScheduler
    from serving.server.batching import BatchedModel
    from serving.server.batching_parameters import BatchingParameters

    recorded, scheduler = Recorded(model), BatchScheduler(side.threads)
    parameters = BatchingParameters(
        max_batch_size=side.max_batch_size,
        batch_timeout_micros=flags.batch_timeout_micros,
        max_enqueued_batches=flags.clients,
    )
    batched = BatchedModel(recorded, parameters, scheduler, side.by_length)
    cpu_s = time.process_time()
    seconds, waits = _ask(batched, texts, flags.clients)
    cpu_s = time.process_time() - cpu_s
    scheduler.close()
    direct_s = _in_threads(lambda run: model.run(*run), recorded.runs, side.threads)
    waits.sort()
    return {
        "per_second": len(texts) / seconds,
        "p50_ms": 1000 * statistics.median(waits),
        "p99_ms": 1000 * waits[int(0.99 * len(waits))],
        "cpu_ms": 1000 * cpu_s / len(texts),
        "batch_size": len(texts) / len(recorded.runs),
        "of_direct": direct_s / seconds,
    }


def _ask(model: Any, texts: Sequence[str], clients: int) -> tuple[float, list[float]]:
    """Seconds in all, and of each text."""
    import numpy as np

    signature = model.signatures["serving_default"]
    (text,), (output,) = signature.inputs.values(), signature.outputs.values()
    waits = []

    def ask(review: str) -> None:
        started = time.perf_counter()
        model.run({text.name: np.array([review.encode()], object)}, [output.name])
        waits.append(time.perf_counter() - started)

    return _in_threads(ask, texts, clients), waits


def _in_threads(work: Callable[[Any], Any], items: Sequence, threads: int) -> float:
    """Seconds until all items are worked on."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        for _ in pool.map(work, items):
            pass
        return time.perf_counter() - started


def table(found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Markdown: medians over the runs."""
    lines = [
        "| | reviews/s (slowest, fastest) | p50, ms | p99, ms | CPU, ms | rows in a batch "
        "| of direct |",
        "|---|---|---|---|---|---|---|",
    ]
    for side, runs in found.items():
        speeds = [run["per_second"] for run in runs]
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        lines.append(
            f"| {side} | {middle['per_second']:.1f} ({min(speeds):.1f}, {max(speeds):.1f}) "
            f"| {middle['p50_ms']:.0f} | {middle['p99_ms']:.0f} | {middle['cpu_ms']:.1f} "
            f"| {middle['batch_size']:.1f} "
            f"| {middle['of_direct']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main)
