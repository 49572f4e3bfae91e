r"""Watches the memory of a training: its peak, and whether it grows.

python -m benchmarks.training_memory --task imdb --data_dir data/imdb-5000 --epochs 5 \
    --precision bfloat16

All flags but --result go to `python -m trainer`, which trains into a new folder. Its resident
memory is sampled from /proc. The first epoch warms up: allocators keep what the longest batches
needed. As every epoch has the same records, each later one should need what the second did.
"""

import dataclasses
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.training_sides import ROOT, read_lines, write_json
from demo.processes import child, interrupt_on_termination
from preprocessing import command_line
from preprocessing.errors import InputError

SAMPLE_INTERVAL_S = 0.2
WARMUP_EPOCHS = 1
LEAST_EPOCHS = WARMUP_EPOCHS + 2  # two of them make a slope


@dataclasses.dataclass(frozen=True)
class EpochMemory:
    """The samples of one epoch: training, and validation where there is some."""

    last_step: int  # since the start of the run
    median_mib: float
    peak_mib: float


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.training_memory", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--result", type=pathlib.Path, help="JSON file for all the numbers")
    flags, trainer_flags = parser.parse_known_args(arguments)
    interrupt_on_termination()  # ends the training, too
    with tempfile.TemporaryDirectory() as folder:
        run_dir, log = pathlib.Path(folder) / "run", pathlib.Path(folder) / "log"
        command = [sys.executable, "-m", "trainer", *trainer_flags, "--output_dir", str(run_dir)]
        samples = list(sample(command, run_dir / "history.jsonl", log))
        steps = [line["step"] for line in read_lines(run_dir / "history.jsonl")]
    epochs = by_epoch(samples, steps)
    if len(epochs) < LEAST_EPOCHS:
        raise InputError(
            f"--epochs is {len(epochs)}, expected at least {LEAST_EPOCHS}: the first warms up, and "
            "two are compared."
        )
    print(table(epochs))
    if flags.result:
        result: dict[str, Any] = {"epochs": [dataclasses.asdict(epoch) for epoch in epochs]}
        write_json(flags.result, result | {"growth_mib_per_100_steps": growth(epochs)})


def sample(
    command: list[str], history: pathlib.Path, log: pathlib.Path
) -> Iterator[tuple[int, float]]:
    """Runs a training to its end; gives (epochs that are done, resident MiB) as time goes by.

    Raises:
        InputError: its exit status is not 0; with its last line.
    """
    with (
        open(log, "wb") as output,
        child(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            done = len(read_lines(history)) if history.exists() else 0
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            if "VmRSS" in fields:  # not in a process that has just ended
                yield done, int(fields["VmRSS"].split()[0]) / 1024
            time.sleep(SAMPLE_INTERVAL_S)
    if process.returncode:
        last = log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise InputError(f"{' '.join(command)}: exit status {process.returncode}: {last}")


def by_epoch(samples: Sequence[tuple[int, float]], steps: Sequence[int]) -> list[EpochMemory]:
    """Groups samples by the epoch they were taken in.

    Args:
        samples: (epochs that are done, resident MiB).
        steps: that are done at the end of each epoch. What was sampled after the last one, when
            the weights are saved, is left out.
    """
    epochs = []
    for epoch, step in enumerate(steps):
        sizes = [size for done, size in samples if done == epoch]
        epochs.append(EpochMemory(step, statistics.median(sizes), max(sizes)))
    return epochs


def growth(epochs: Sequence[EpochMemory]) -> float:
    """MiB in 100 steps: the slope of the medians after the warm-up (least squares)."""
    warm = epochs[WARMUP_EPOCHS:]
    steps, medians = [epoch.last_step for epoch in warm], [epoch.median_mib for epoch in warm]
    return 100.0 * statistics.linear_regression(steps, medians).slope


def table(epochs: Sequence[EpochMemory]) -> str:
    """Markdown."""
    lines = ["| up to step | median, MiB | peak, MiB |", "|---|---|---|"]
    lines += [
        f"| {epoch.last_step} | {epoch.median_mib:,.0f} | {epoch.peak_mib:,.0f} |"
        for epoch in epochs
    ]
    steps = epochs[-1].last_step - epochs[WARMUP_EPOCHS - 1].last_step
    return "\n".join([*lines, "", f"{growth(epochs):+.2f} MiB in 100 steps, over {steps} steps"])


if __name__ == "__main__":
    command_line.run(main)
