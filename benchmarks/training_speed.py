r"""Times one training by Bertline, by PyTorch and by Keras's `fit`, in turns.

python -m benchmarks.training_speed imdb --train data/raw/imdb-5000 --peer_python peer/bin/python
python -m benchmarks.training_speed squad --train train-8000.json --peer_python peer/bin/python

Same weights, batch size, recipe and precision, on a part of the raw data. Each side is a process of
its own and trains three epochs; the last one is measured, so that start-up, tracing and compilation
are over, from before its first batch is made until after its last step. (A run of Bertline on fewer
tokens would not compile its kernels, see trainer/kernels.py.) Bertline and PyTorch take all of the
part. `keras_fit` (benchmarks/keras_fit.py) pads every record to the same length, so that each step
costs the same, and does only --keras_steps in an epoch.

The number in a side's name is the length that it cuts records at. Notebooks cut reviews at 512
tokens and pad to that, where PyTorch's recipe here cuts them at 256: each is compared with Bertline
on records of its own length.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence

from benchmarks.peer_python import check_peer_python
from benchmarks.process_cost import measure
from benchmarks.training_sides import (
    PEER,
    PEER_PACKAGES,
    ROOT,
    absolute,
    read_lines,
    recipe_of,
    recipe_parser,
    write_json,
)
from demo.processes import interrupt_on_termination
from preprocessing import command_line
from preprocessing.errors import InputError

SIDES = {
    "imdb": ("bertline_256", "pytorch_256", "bertline_512", "keras_fit_512"),
    "squad": ("bertline_384", "pytorch_384", "keras_fit_384"),
}
# What else can be asked for, with any length behind it.
PROGRAMS = ("bertline", "pytorch", "keras_fit", "keras_fit_no_xla")


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the programs that are compared, at one length."""

    name: str

    @property
    def program(self) -> str:
        """One of `PROGRAMS`."""
        return self.name.rpartition("_")[0]

    @property
    def max_seq_length(self) -> int:
        """In tokens."""
        return int(self.name.rpartition("_")[2])


@dataclasses.dataclass(frozen=True)
class Speed:
    """The last epoch of one run."""

    examples_per_second: float
    tokens_per_second: float  # without padding
    padding: float  # share of the tokens with padding
    peak_rss_mib: float  # of the whole run


def main(arguments: list[str]) -> None:
    flags, more = _parser().parse_known_args(arguments)
    sides = _sides(flags)
    flags.train, flags.preset = absolute("train", flags.train), absolute("preset", flags.preset)
    interrupt_on_termination()  # ends the side that runs, too
    speeds: dict[str, list[Speed]] = {side.name: [] for side in sides}
    load_before = os.getloadavg()[0]
    flags.work_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=flags.work_dir) as folder:
        work = pathlib.Path(folder).absolute()
        _prepare(flags, sides, work)
        for repetition in range(flags.repeat):
            # In turns and back, so that none always runs after the same other.
            for side in sides if repetition % 2 == 0 else sides[::-1]:
                speeds[side.name].append(_run(side, flags, more, work))
                print(f"run {repetition + 1} {side.name}: {speeds[side.name][-1]}", file=sys.stderr)
        whole = _padding_of_all(flags, sides, work)
    print(table(speeds))
    print("\n".join(f"{name}: {share:.1%} padding on all of --train" for name, share in whole))
    if flags.output:
        runs = {name: [dataclasses.asdict(speed) for speed in of] for name, of in speeds.items()}
        settings = {"task": flags.task, "precision": flags.precision, "load_before": load_before}
        write_json(flags.output, settings | {"runs": runs, "padding_of_all": dict(whole)})


def _parser() -> argparse.ArgumentParser:
    parser = recipe_parser("python -m benchmarks.training_speed", __doc__)
    parser.add_argument(
        "--examples", type=int, default=512, help="about so many reviews or questions are taken"
    )
    parser.add_argument("--keras_steps", type=int, default=4, help="of keras_fit in an epoch")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side, in turns")
    parser.add_argument(
        "--sides",
        help=f"by default {' or '.join(map(','.join, SIDES.values()))}; or others, of "
        f"{', '.join(PROGRAMS)} with a length",
    )
    parser.add_argument(
        "--work_dir",
        type=pathlib.Path,
        default=pathlib.Path(tempfile.gettempdir()),
        help="where all sides write; emptied",
    )
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for all the numbers")
    parser.set_defaults(epochs=3)
    return parser


def _sides(flags: argparse.Namespace) -> list[Side]:
    for name, least in {"examples": 2, "keras_steps": 1, "repeat": 1, "epochs": 2}.items():
        if getattr(flags, name) < least:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected at least {least}.")
    names = SIDES[flags.task] if flags.sides is None else flags.sides.split(",")
    for name in names:
        program, _, length = name.rpartition("_")
        if program not in PROGRAMS or not length.isdecimal():
            raise InputError(
                f"--sides has {name!r}, expected names such as {', '.join(SIDES[flags.task])}."
            )
    sides = [Side(name) for name in dict.fromkeys(names)]
    if any(side.program == "pytorch" for side in sides):
        check_peer_python(flags.peer_python, PEER_PACKAGES, PEER, "--sides without pytorch")
    return sides


def _prepare(flags: argparse.Namespace, sides: Sequence[Side], work: pathlib.Path) -> None:
    """Writes the part of the raw data, and a data set of it and of the whole for each length."""
    part = _part(flags.task, work)
    _write_part(flags, part)
    for length in {side.max_seq_length for side in sides if side.program != "pytorch"}:
        recipe = recipe_of(flags, length)
        for source, name in ((str(part), "part"), (flags.train, "all")):
            command = recipe.preprocess(source, work / f"{name}-{length}")
            measure(command, ROOT, work / "preprocess.log")


def _part(task: str, work: pathlib.Path) -> pathlib.Path:
    return work / {"imdb": "part", "squad": "part.json"}[task]


def _write_part(flags: argparse.Namespace, part: pathlib.Path) -> None:
    from benchmarks import subset

    command = ["--input", flags.train, "--output", str(part)]
    if flags.task == "squad":
        subset.main(["squad", *command, "--draw", str(flags.examples)])
        return
    from preprocessing.sources.imdb import read_reviews

    reviews = sum(review.split == "train" for review in read_reviews(flags.train))
    subset.main(["imdb", *command, "--every", str(max(1, reviews // flags.examples))])


def _run(side: Side, flags: argparse.Namespace, more: Sequence[str], work: pathlib.Path) -> Speed:
    with tempfile.TemporaryDirectory(dir=work) as folder:
        output = pathlib.Path(folder)
        command = _command(side, flags, more, work, output)
        cost = measure(command, ROOT, work / f"{side.name}.log")
        if side.program == "bertline":
            last = read_lines(output / "run" / "history.jsonl")[-1]
            data_dir = work / f"part-{side.max_seq_length}"
            last["padding"] = trainer_padding(data_dir, flags.batch_size, last["epoch"] - 1)
        else:
            last = json.loads((output / "result.json").read_text())["history"][-1]
    names = ("examples_per_second", "tokens_per_second", "padding")
    return Speed(**{name: last[name] for name in names}, peak_rss_mib=cost.largest_process_mib)


def _command(
    side: Side,
    flags: argparse.Namespace,
    more: Sequence[str],
    work: pathlib.Path,
    output: pathlib.Path,
) -> list[str]:
    recipe, data_dir = recipe_of(flags, side.max_seq_length), work / f"part-{side.max_seq_length}"
    if side.program == "bertline":
        return [*recipe.train(data_dir, output / "run", seed=0), *more]
    result = output / "result.json"
    if side.program == "pytorch":
        # Sorts as many batches together as it would with all the data (50 at most).
        part = str(_part(flags.task, work))
        command = recipe.train_peer(flags.peer_python, part, result, seed=0)
        return [*command, "--sorted_batches", "50"]
    command = recipe.fit(data_dir, result)
    command += ["--steps_per_epoch", str(flags.keras_steps)]
    return command + (["--jit_compile", "off"] if side.program == "keras_fit_no_xla" else [])


def trainer_padding(data_dir: pathlib.Path, batch_size: int, epoch: int) -> float:
    """The share of padding in the batches that the trainer makes of a data set in one epoch."""
    command_line.load_tensorflow()
    from preprocessing.dataset_info import load_info
    from trainer.examples import load_split
    from trainer.input_pipeline import Sharding, epoch_plan, padding_share

    lengths = load_split(data_dir, load_info(data_dir), "train").lengths
    return padding_share(lengths, epoch_plan(lengths, batch_size, 0, epoch), Sharding())


def _padding_of_all(
    flags: argparse.Namespace, sides: Sequence[Side], work: pathlib.Path
) -> list[tuple[str, float]]:
    return [
        (side.name, trainer_padding(work / f"all-{side.max_seq_length}", flags.batch_size, 0))
        for side in sides
        if side.program == "bertline"
    ]


def table(speeds: Mapping[str, Sequence[Speed]]) -> str:
    """Markdown: medians, and how many times as fast Bertline is at the same length."""
    lines = [
        "| | examples/s | slowest, fastest | tokens/s | padding | peak memory, MiB "
        "| Bertline is faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of in speeds.items():
        examples = [speed.examples_per_second for speed in of]
        cells = [
            name,
            f"{statistics.median(examples):.2f}",
            f"{min(examples):.2f}, {max(examples):.2f}",
            f"{statistics.median(speed.tokens_per_second for speed in of):,.0f}",
            f"{statistics.median(speed.padding for speed in of):.1%}",
            f"{max(speed.peak_rss_mib for speed in of):,.0f}",
            _ratio(speeds, name),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(speeds: Mapping[str, Sequence[Speed]], name: str) -> str:
    ours = f"bertline_{Side(name).max_seq_length}"
    if ours == name or ours not in speeds:
        return ""
    base, other = (
        statistics.median(speed.examples_per_second for speed in speeds[side])
        for side in (ours, name)
    )
    return f"{base / other:.2f}"


if __name__ == "__main__":
    command_line.run(main)
