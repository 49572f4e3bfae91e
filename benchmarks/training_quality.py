r"""Compares what Bertline and PyTorch learn from the same raw data by the same recipe.

python -m benchmarks.training_quality imdb --train data/raw/imdb-5000 --test aclImdb_v1.tar.gz \
    --peer_python peer/bin/python --work_dir benchmarks-imdb
python -m benchmarks.training_quality squad --train train-8000.json --test dev-2000.json \
    --peer_python peer/bin/python --work_dir benchmarks-squad

Ours is trained, exported, and asked as users ask it: `serving.evaluate` on the export. The peer is
benchmarks/pytorch_training.py; its docstring tells how to set its Python up. Every (side, seed) is
a run with a result in --work_dir, <side>-seed<n>.json; what is there is not run again, and a run
of ours goes on where it stopped.
"""

import argparse
import json
import pathlib
import statistics
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.peer_python import check_peer_python
from benchmarks.process_cost import measure
from benchmarks.training_sides import (
    MAX_SEQ_LENGTH,
    PEER,
    PEER_PACKAGES,
    ROOT,
    Recipe,
    absolute,
    read_lines,
    recipe_of,
    recipe_parser,
    write_json,
)
from demo.processes import interrupt_on_termination
from preprocessing import command_line
from preprocessing.errors import InputError

SIDES = ("ours", "peer")
TITLES = {"ours": "Bertline", "peer": "PyTorch"}
# Task -> metric -> what turns it into percent.
METRICS = {"imdb": {"accuracy": 100.0}, "squad": {"exact_match": 1.0, "f1": 1.0}}

Results = dict[str, dict[int, dict[str, Any]]]  # side -> seed -> result


def main(arguments: list[str]) -> None:
    flags, more = _parser().parse_known_args(arguments)
    flags.train, flags.test = absolute("train", flags.train), absolute("test", flags.test)
    flags.preset = absolute("preset", flags.preset)
    flags.work_dir = flags.work_dir.absolute()
    sides, seeds = _sides(flags.sides), _seeds(flags.seeds)
    if "peer" in sides and not all(_result(flags, "peer", seed).exists() for seed in seeds):
        check_peer_python(flags.peer_python, PEER_PACKAGES, PEER, "--sides ours")
    interrupt_on_termination()  # ends the side that runs, too
    results: Results = {side: {} for side in sides}
    for seed in seeds:
        for side in sides:
            results[side][seed] = _run(side, seed, flags, more)
    print(table(flags.task, results))


def _parser() -> argparse.ArgumentParser:
    parser = recipe_parser("python -m benchmarks.training_quality", __doc__)
    parser.add_argument("--test", required=True, help="aclImdb with the split test, or SQuAD JSON")
    parser.add_argument("--work_dir", required=True, type=pathlib.Path, help="for runs and results")
    parser.add_argument("--seeds", default="0,1,2", help="of new weights, dropout and order")
    parser.add_argument("--sides", default=",".join(SIDES), help="one of them, or both")
    return parser


def _sides(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SIDES:
            raise InputError(f"--sides has {name!r}, expected some of {', '.join(SIDES)}.")
    return list(dict.fromkeys(names))


def _seeds(text: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(seed) for seed in text.split(",")))
    except ValueError:
        raise InputError(f"--seeds is {text!r}, expected whole numbers, such as 0,1,2.") from None


def _result(flags: argparse.Namespace, side: str, seed: int) -> pathlib.Path:
    return flags.work_dir / f"{side}-seed{seed}.json"


def _run(side: str, seed: int, flags: argparse.Namespace, more: list[str]) -> dict[str, Any]:
    """The result of one side with one seed; makes it where it is not there."""
    recipe = recipe_of(flags, MAX_SEQ_LENGTH[flags.task])
    path = _result(flags, side, seed)
    expected = recipe.settings() | {"seed": seed}
    if side == "ours":
        expected["trainer_flags"] = more
    if not path.exists():
        print(f"{side}, seed {seed}: running", file=sys.stderr)
        path.parent.mkdir(parents=True, exist_ok=True)
        if side == "ours":
            write_json(path, expected | _run_ours(recipe, seed, flags, more))
        else:
            command = recipe.train_peer(flags.peer_python, flags.train, path, seed)
            measure([*command, "--test", flags.test], ROOT, path.with_suffix(".log"))
    result = json.loads(path.read_text())
    check_settings(path, result, expected)
    return result


def _run_ours(
    recipe: Recipe, seed: int, flags: argparse.Namespace, more: list[str]
) -> dict[str, Any]:
    """Trains, exports and evaluates; each stage is a process, as users run it."""
    data_dir, work = flags.work_dir / "data", flags.work_dir / f"ours-seed{seed}"
    work.mkdir(exist_ok=True)
    if not (data_dir / "info.json").exists():
        preprocess = recipe.preprocess(flags.train, data_dir)
        measure(preprocess, ROOT, flags.work_dir / "preprocess.log")
    run_dir, model_dir, scores = work / "run", work / "model", work / "evaluation"
    cost = measure([*recipe.train(data_dir, run_dir, seed), *more], ROOT, work / "train.log")
    export = ["serving.export", "--run_dir", str(run_dir), "--model_dir", str(model_dir)]
    measure([sys.executable, "-m", *export], ROOT, work / "export.log")
    evaluate = ["serving.evaluate", "--model_dir", str(model_dir), "--input", flags.test]
    evaluate += ["--output_dir", str(scores)]
    measure([sys.executable, "-m", *evaluate], ROOT, work / "evaluate.log")
    return {
        "history": read_lines(run_dir / "history.jsonl"),
        "training_peak_rss_mib": cost.largest_process_mib,
        "evaluation": json.loads((scores / "metrics.json").read_text()),
    }


def check_settings(
    path: pathlib.Path, result: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """Checks that a result that was found is one of this recipe.

    Raises:
        InputError: naming the first value that differs.
    """
    for name, value in expected.items():
        if result.get(name) != value:
            raise InputError(
                f"{path}: a run with {name} {result.get(name)}, expected {value}. Give another "
                "--work_dir, or remove the file."
            )


def table(task: str, results: Results) -> str:
    """Markdown, in percent: each seed, mean and standard deviation, and the difference of means."""
    seeds = list(next(iter(results.values())))
    header = ["", *(f"seed {seed}" for seed in seeds), "mean", "standard deviation"]
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for metric, factor in METRICS[task].items():
        means = {}
        for side, of_seed in results.items():
            scores = [of_seed[seed]["evaluation"][metric] * factor for seed in seeds]
            means[side] = statistics.mean(scores)
            deviation = f"{statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
            cells = [f"{TITLES[side]}, {metric}", *(f"{score:.2f}" for score in scores)]
            lines.append(f"| {' | '.join([*cells, f'{means[side]:.2f}', deviation])} |")
        if len(means) == len(SIDES):
            cells = [f"difference, {metric}", *[""] * len(seeds)]
            cells += [f"{means['ours'] - means['peer']:+.2f}", ""]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    command_line.run(main)
