"""Times the trainer's input against the tf.data pipelines that people write, on a data set.

python -m benchmarks.reading_speed --data_dir data/imdb --batch_size 32

Nothing is trained: each reader gives all batches of its epochs as fast as it can, with the same
fields. A reader that is faster than the model learns costs nothing; the share of padding costs
in every step.
"""

import argparse
import dataclasses
import json
import pathlib
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from preprocessing import command_line
from preprocessing.dataset_info import DatasetInfo, load_info
from preprocessing.errors import InputError


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a reader took and gave. The first epoch of a reader holds its tracing and warm-up."""

    load_s: float  # before the first epoch, once in a run
    epoch_s: list[float]
    records: int  # of one epoch
    tokens: int  # of one epoch, without padding
    cells: int  # of one epoch, with padding

    @property
    def median_epoch_s(self) -> float:
        """Of the epochs after the first, or of that one."""
        return statistics.median(self.epoch_s[1:] or self.epoch_s)


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    for name in ("batch_size", "epochs"):
        if getattr(flags, name) < 1:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected at least 1.")
    info = load_info(flags.data_dir)
    if flags.split not in info.splits:
        raise InputError(
            f"--split is {flags.split!r}, expected one of {', '.join(sorted(info.splits))}."
        )
    command_line.load_tensorflow()
    readings = {name: _time(reader, info, flags) for name, reader in _readers(info, flags).items()}
    print(_table(readings))
    if flags.output:
        numbers = {name: dataclasses.asdict(reading) for name, reading in readings.items()}
        flags.output.write_text(json.dumps(numbers, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.reading_speed", description=__doc__
    )
    parser.add_argument("--data_dir", required=True, type=pathlib.Path, help="with info.json")
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument(
        "--epochs", type=int, default=4, help="of each reader, the first to warm up"
    )
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for all the numbers")
    command_line.add_verbose_flag(parser)
    return parser


Batches = Iterable[Mapping[str, Any]]
# Loads what there is to load, and gives the function from an epoch to its batches.
Reader = Callable[[], Callable[[int], Batches]]


def _readers(info: DatasetInfo, flags: argparse.Namespace) -> dict[str, Reader]:
    from benchmarks import plain_input

    shards = [str(flags.data_dir / name) for name in info.splits[flags.split].shards]
    longest = int(info.parameters["max_seq_length"] or 0)

    def trainer() -> Callable[[int], Batches]:
        from trainer.distribution import make_strategy
        from trainer.examples import load_split
        from trainer.feed import Feed
        from trainer.input_pipeline import epoch_plan

        examples = load_split(flags.data_dir, info, flags.split)
        feed = Feed(make_strategy(), examples)
        return lambda epoch: feed.batches(epoch_plan(examples.lengths, flags.batch_size, 0, epoch))

    def plain(make: Callable) -> Reader:
        dataset = make(info.task, shards, flags.batch_size, longest)
        return lambda: lambda epoch: dataset

    return {
        "trainer.input_pipeline": trainer,
        "padded_batch": plain(plain_input.padded),
        "batch, then parse": plain(plain_input.parsed_in_batches),
        "bucket_by_sequence_length": plain(plain_input.bucketed),
    }


def _time(reader: Reader, info: DatasetInfo, flags: argparse.Namespace) -> Reading:
    start = time.perf_counter()
    batches_of = reader()
    load_s = time.perf_counter() - start
    epoch_s = []
    for epoch in range(flags.epochs):
        records = cells = 0
        start = time.perf_counter()
        for batch in batches_of(epoch):
            records += batch["token_ids"].shape[0]
            cells += batch["token_ids"].shape.num_elements()
        epoch_s.append(time.perf_counter() - start)
        assert records == info.splits[flags.split].records, records
    return Reading(load_s, epoch_s, records, info.splits[flags.split].tokens, cells)


def _table(readings: Mapping[str, Reading]) -> str:
    """Markdown."""
    lines = [
        "| | load, s | first epoch, s | epoch, s | examples/s | tokens/s | padding |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, reading in readings.items():
        cells = [
            name,
            f"{reading.load_s:.1f}",
            f"{reading.epoch_s[0]:.1f}",
            f"{reading.median_epoch_s:.1f}",
            f"{reading.records / reading.median_epoch_s:,.0f}",
            f"{reading.tokens / reading.median_epoch_s:,.0f}",
            f"{1 - reading.tokens / reading.cells:.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main)
