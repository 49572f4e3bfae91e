r"""Times the served graphs, from raw text to answers, against Keras's export and PyTorch, in turns.

python -m benchmarks.serving_graphs imdb --run_dir runs/imdb-5000 --texts aclImdb_v1.tar.gz \
    --peer_python peer/bin/python
python -m benchmarks.serving_graphs squad --run_dir runs/squad-8000 --texts dev-v1.1.json \
    --peer_python peer/bin/python

The sides are Bertline's graph in float32 and in bfloat16; `keras`, the trainer's model as Keras
exports it (benchmarks/keras_graph.py), padded to the full length; and the peer
(benchmarks/pytorch_graph.py) in float32, in bfloat16 and under autocast. All get the same texts in
the same batches, in the order of the file. Bertline's graph sorts a batch by length and computes it
in parts; so that the peer may too, `pytorch_…_8` are the peer with the rows of a batch sorted, and
eight at a time. Each side is a process of its own, in turns; all texts go through once untimed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from benchmarks.graph_texts import Text
from benchmarks.peer_python import check_peer_python
from benchmarks.training_sides import PEER, PEER_PACKAGES, ROOT, absolute, write_json
from demo.processes import interrupt_on_termination
from preprocessing import command_line
from preprocessing.errors import InputError

OURS = ("bertline_float32", "bertline_bfloat16")
PEERS = ("pytorch_float32", "pytorch_bfloat16", "pytorch_autocast")
SIDES = (*OURS, "keras", *PEERS, "pytorch_float32_8", "pytorch_bfloat16_8", "pytorch_autocast_8")


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    sides = _sides(flags)
    flags.texts, flags.run_dir = absolute("texts", flags.texts), absolute("run_dir", flags.run_dir)
    flags.preset = absolute("preset", flags.preset)
    interrupt_on_termination()  # ends the side that runs, too
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=flags.work_dir) as folder:
        work = pathlib.Path(folder).absolute()
        _prepare(flags, sides, work)
        for repetition in range(flags.repeat):
            # In turns and back, so that none always runs after the same other.
            for side in sides if repetition % 2 == 0 else sides[::-1]:
                _run(_command(side, flags, work))
                found[side].append(json.loads((work / "speed.json").read_text()))
                print(f"run {repetition + 1} {side}: {found[side][-1]}", file=sys.stderr)
    print(table(found))
    if flags.output:
        settings = {"task": flags.task, "limit": flags.limit, "load_before": load_before}
        write_json(flags.output, settings | {"batch_size": flags.batch_size, "runs": found})


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.serving_graphs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=["imdb", "squad"])
    parser.add_argument("--run_dir", required=True, help="a finished run of the trainer")
    parser.add_argument("--texts", required=True, help="aclImdb (its test split), or SQuAD JSON")
    parser.add_argument("--preset", default="data/presets/minilm", help="the run's, for the peer")
    parser.add_argument("--peer_python", help=f"a Python with the packages of {PEER}")
    parser.add_argument("--limit", type=int, default=256, help="texts that each side answers")
    parser.add_argument("--batch_size", type=int, default=32, help="texts in one request")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side, in turns")
    parser.add_argument("--sides", help=f"by default {','.join(SIDES)}")
    parser.add_argument(
        "--work_dir", default=tempfile.gettempdir(), help="where all sides write; emptied"
    )
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for all the numbers")
    command_line.add_verbose_flag(parser)
    return parser


def _sides(flags: argparse.Namespace) -> list[str]:
    for name in ("limit", "batch_size", "repeat"):
        if getattr(flags, name) < 1:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected at least 1.")
    sides = list(SIDES) if flags.sides is None else flags.sides.split(",")
    for side in sides:
        if side not in SIDES:
            raise InputError(f"--sides has {side!r}, expected some of {', '.join(SIDES)}.")
    if any(side.startswith("pytorch") for side in sides):
        check_peer_python(flags.peer_python, PEER_PACKAGES, PEER, "--sides without pytorch")
    return sides


def _prepare(flags: argparse.Namespace, sides: Sequence[str], work: pathlib.Path) -> None:
    """Writes the texts, and the SavedModel of each side that has one."""
    command_line.load_tensorflow()
    from benchmarks.keras_graph import write_keras_graph
    from serving.frozen import served_module
    from serving.saved_graph import save
    from trainer.run_dir import load_run

    take = {"imdb": review_texts, "squad": question_texts}[flags.task]
    texts = take(flags.texts, flags.limit, flags.batch_size)
    (work / "texts.json").write_text(json.dumps(texts))
    run = load_run(flags.run_dir)
    for side in sides:
        if side == "keras":
            write_keras_graph(run, work / side)
        elif side in OURS:
            save(served_module(run, None, dtype=side.rpartition("_")[2]), work / side)


def review_texts(source: str, limit: int, batch_size: int) -> Sequence[Text]:
    """Reviews of the test split, evenly spaced in the order of their ids."""
    from preprocessing.sources.imdb import read_reviews

    reviews = [review for review in read_reviews(source) if review.split == "test"]
    reviews.sort(key=lambda review: review.id)
    step = max(1, len(reviews) // limit)
    return [(review.content.decode("utf-8"),) for review in reviews[::step][:limit]]


def question_texts(source: str, limit: int, batch_size: int) -> Sequence[Text]:
    """Batches of questions that follow each other, evenly spaced in the file."""
    from preprocessing.sources.squad_json import load_squad

    asked: list[Text] = [
        (entry["question"], paragraph["context"])
        for article in load_squad(source)["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    ]
    cuts = [asked[start : start + batch_size] for start in range(0, len(asked), batch_size)]
    step = max(1, len(cuts) // -(-limit // batch_size))
    return [text for cut in cuts[::step] for text in cut][:limit]


def _command(side: str, flags: argparse.Namespace, work: pathlib.Path) -> list[str]:
    texts = ["--texts", str(work / "texts.json"), "--output", str(work / "speed.json")]
    texts += ["--batch_size", str(flags.batch_size)]
    if side == "keras" or side in OURS:
        command = [sys.executable, "-m", "benchmarks.session_graph", flags.task]
        return [*command, "--model", str(work / side), *texts]
    _, precision, *rows = side.split("_")
    command = [flags.peer_python, "-m", "benchmarks.pytorch_graph", flags.task, *texts]
    command += ["--preset", flags.preset, "--precision", precision]
    return command + (["--sorted_rows", *rows] if rows else [])


def _run(command: Sequence[str]) -> None:
    # In this session, so that a side has this process's priority.
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-5:]
        raise InputError(f"{' '.join(command)}: exit status {done.returncode}: {' | '.join(last)}")


def table(found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Markdown: medians over the runs, and how many times as fast Bertline's graphs are."""
    lines = [
        "| | texts/s | slowest, fastest | one short text, ms "
        "| Bertline in float32 is faster by | in bfloat16 |",
        "|---|---|---|---|---|---|",
    ]
    speed = {side: _median(runs, "texts_per_second") for side, runs in found.items()}
    for side, runs in found.items():
        of_runs = [run["texts_per_second"] for run in runs]
        cells = [
            side,
            f"{speed[side]:.1f}",
            f"{min(of_runs):.1f}, {max(of_runs):.1f}",
            f"{_median(runs, 'median_ms'):.1f}",
            *(f"{speed[ours] / speed[side]:.2f}" if ours in speed else "" for ours in OURS),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _median(runs: Sequence[Mapping[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


if __name__ == "__main__":
    command_line.run(main)
