r"""Times `python -m preprocessing` against Hugging Face `datasets` and `tokenizers`, in turns.

Every run is a new process with new folders, timed from its start to its exit, imports included.
The peer is benchmarks/huggingface.py; its docstring tells how to set its Python up.

python -m benchmarks.preprocessing_speed imdb --input aclImdb_v1.tar.gz \
    --peer_python peer/bin/python
python -m benchmarks.preprocessing_speed squad --input train-v1.1.json --variants one,two --peers ''
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from benchmarks.peer_python import check_peer_python, package_versions
from benchmarks.process_cost import Cost, measure
from demo.processes import interrupt_on_termination
from preprocessing import command_line
from preprocessing.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEER = ROOT / "benchmarks" / "huggingface.py"
PEER_PACKAGES = ("datasets", "tokenizers", "pyarrow", "tfrecord", "crc32c")

# Name -> Beam's flags.
VARIANTS = {
    "default": [],
    "one": ["--direct_num_workers=1", "--direct_running_mode=in_memory"],
    "two": ["--direct_num_workers=2", "--direct_running_mode=multi_processing"],
}
# Name -> the peer's flags.
PEERS = {
    "tfrecord": ["--output=tfrecord"],
    "arrow": ["--output=arrow"],
    "tfrecord_once": ["--output=tfrecord", "--contexts=once"],
}
LENGTHS = {
    "imdb": ["--max_seq_length=512"],
    "squad": ["--max_seq_length=384", "--doc_stride=128", "--max_query_length=64"],
}


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the programs that are compared."""

    name: str
    command: list[str]  # without --output_dir
    is_peer: bool


def main(arguments: list[str]) -> None:
    flags, more = _parser().parse_known_args(arguments)
    sides = _sides(flags, more)
    for path in (flags.input, flags.vocab_file):
        if not os.path.exists(path):
            raise InputError(f"{path}: no such file or folder.")
    flags.work_dir.mkdir(parents=True, exist_ok=True)
    interrupt_on_termination()  # ends the side that runs, too
    result = _environment(flags)
    costs: dict[str, list[Cost]] = {side.name: [] for side in sides}
    with tempfile.TemporaryDirectory(dir=flags.work_dir) as folder:
        work = pathlib.Path(folder)
        for repetition in range(flags.repeat):
            # In turns and back, so that none always runs after the same other.
            for side in sides if repetition % 2 == 0 else sides[::-1]:
                costs[side.name].append(_run(side, work, repetition))
        result["runs"] = {name: [dataclasses.asdict(c) for c in of] for name, of in costs.items()}
        result["work"] = _compare(flags.task, sides, work)
    print(_table(costs))
    print(_report(result["work"]))
    if flags.output:
        flags.output.write_text(json.dumps(result, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.preprocessing_speed",
        description="Times the preprocessing against Hugging Face's. Flags that are not listed go "
        "to `python -m preprocessing`.",
    )
    parser.add_argument("task", choices=["imdb", "squad"])
    parser.add_argument(
        "--input", required=True, help="aclImdb_v1.tar.gz, or a SQuAD JSON file; for both sides"
    )
    parser.add_argument("--vocab_file", default="data/presets/minilm/vocab.txt")
    parser.add_argument("--peer_python", help="a Python with the packages of huggingface.py")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side, in turns")
    parser.add_argument(
        "--variants", default="default", help=f"of ours, some of {','.join(VARIANTS)}; '' for none"
    )
    parser.add_argument(
        "--peers", default="tfrecord,arrow", help=f"some of {','.join(PEERS)}; '' for none"
    )
    parser.add_argument(
        "--work_dir",
        type=pathlib.Path,
        default=pathlib.Path(tempfile.gettempdir()),
        help="where both sides write; emptied",
    )
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for all the numbers")
    command_line.add_verbose_flag(parser)
    return parser


def _sides(flags: argparse.Namespace, more: list[str]) -> list[Side]:
    if flags.repeat < 1:
        raise InputError(f"--repeat is {flags.repeat}, expected at least 1.")
    source = [flags.task, "--input", os.path.abspath(flags.input)]
    source += ["--vocab_file", os.path.abspath(flags.vocab_file)]
    ours = [sys.executable, "-m", "preprocessing", *source, *LENGTHS[flags.task], *more]
    sides = [
        Side(name, ours + VARIANTS[name], is_peer=False)
        for name in _names("variants", flags.variants, VARIANTS)
    ]
    peers = _names("peers", flags.peers, PEERS)
    if peers:
        check_peer_python(flags.peer_python, PEER_PACKAGES, PEER.name, "--peers ''")
        peer = [flags.peer_python, str(PEER), *source]
        sides += [Side(f"peer_{name}", peer + PEERS[name], is_peer=True) for name in peers]
    if not sides:
        raise InputError("--variants and --peers are both empty, expected something to run.")
    return sides


def _names(flag: str, text: str, known: dict[str, list[str]]) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise InputError(f"--{flag} has {name!r}, expected some of {', '.join(known)}.")
    return list(dict.fromkeys(names))


def _environment(flags: argparse.Namespace) -> dict[str, Any]:
    """What the figures hang on, for the JSON file."""
    return {
        "task": flags.task,
        "input": flags.input,
        "cpus": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "peer": package_versions(flags.peer_python, PEER_PACKAGES) if flags.peers else {},
    }


def _run(side: Side, work: pathlib.Path, repetition: int) -> Cost:
    """Runs one side; leaves its output in `work / side.name` for the comparison."""
    output = work / side.name
    if output.exists():
        shutil.rmtree(output)
    os.sync()  # what the run before has written is not this one's to wait for
    cost = measure([*side.command, "--output_dir", str(output)], ROOT, work / f"{side.name}.log")
    shutil.rmtree(output / "cache", ignore_errors=True)  # the peer's; a new one each time
    print(
        f"run {repetition + 1} {side.name}: {cost.seconds:.1f} s, {cost.cpu_s:.1f} s of CPU",
        file=sys.stderr,
    )
    return cost


def _compare(task: str, sides: Sequence[Side], work: pathlib.Path) -> dict[str, dict[str, int]]:
    """What each side has written in its last run, and how many records equal the first side's."""
    command_line.load_tensorflow()
    from benchmarks.written_records import count, equal, read

    written = {side.name: read(task, work / side.name) for side in sides}
    first = written[sides[0].name]
    return {
        name: count(records) | {"equal": equal(records, first)} for name, records in written.items()
    }


def _table(costs: dict[str, list[Cost]]) -> str:
    """Markdown: medians, and each against the first side."""
    lines = [
        "| | seconds | fastest, slowest | CPU seconds | times the first's seconds "
        "| largest process, MiB | all processes, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    base = _median(next(iter(costs.values())), "seconds")
    for name, of in costs.items():
        seconds = [cost.seconds for cost in of]
        cells = [
            name,
            f"{_median(of, 'seconds'):.1f}",
            f"{min(seconds):.1f}, {max(seconds):.1f}",
            f"{_median(of, 'cpu_s'):.1f}",
            f"{_median(of, 'seconds') / base:.2f}",
            f"{_median(of, 'largest_process_mib'):.0f}",
            f"{_median(of, 'all_processes_mib'):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _median(costs: Sequence[Cost], field: str) -> float:
    return statistics.median(getattr(cost, field) for cost in costs)


def _report(work: dict[str, dict[str, int]]) -> str:
    return "\n".join(
        f"{name}: {of['records']} records, {of['tokens']} tokens, {of['equal']} records equal to "
        "the first side's"
        for name, of in work.items()
    )


if __name__ == "__main__":
    command_line.run(main)
