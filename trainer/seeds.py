"""One run for each of several seeds, their mean, and how far they are apart."""

import dataclasses
import json
import logging
import pathlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from preprocessing.errors import InputError
from trainer.cluster import VARIABLE, read_cluster
from trainer.config import CONFIG_FILE
from trainer.launch import train_apart
from trainer.preflight import check_run
from trainer.run_files import final_line, is_finished, write_whole
from trainer.settings import FLAG, Setting, Settings, make_config, undecided

logger = logging.getLogger(__name__)

SEEDS_FILE = "seeds.json"
_MEASURED = ("validation_", "train_")


@dataclasses.dataclass(frozen=True)
class Summary:
    """What the runs have come to.

    Attributes:
        runs: seed -> metric -> value.
        mean: metric -> mean over the seeds.
        standard_deviation: metric -> of the sample, so with seeds - 1; None for one seed.
    """

    runs: Mapping[int, Mapping[str, float]]
    mean: Mapping[str, float]
    standard_deviation: Mapping[str, float | None]


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds of "0,1,2".

    Raises:
        InputError: not whole numbers, or one is there twice.
    """
    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--seeds is {text!r}, expected whole numbers with commas between, such as 0,1,2."
        ) from None
    if len(set(seeds)) < len(seeds):
        raise InputError(f"--seeds is {text!r}, expected each seed once.")
    return seeds


def train_seeds(settings: Settings, seeds: Sequence[int], overwrite: bool) -> None:
    """Trains into <output_dir>/seed-<k>, one after the other, and writes seeds.json.

    Runs that are finished are left as they are.

    Raises:
        InputError: one of the runs cannot be.
        SystemExit: a run has failed or was stopped, with its exit status.
    """
    _check_place(settings)
    runs = {seed: _of_seed(settings, seed) for seed in seeds}
    for run in runs.values():
        check_run(make_config(run), overwrite, undecided(run))
    for number, (seed, run) in enumerate(runs.items(), start=1):
        folder = _folder(run)
        logger.info("seed %d (%d of %d) in %s", seed, number, len(runs), folder)
        if is_finished(folder) and not overwrite:
            logger.info("finished before")
            continue
        status, stopped = train_apart(run, overwrite)
        if status or stopped or not is_finished(folder):
            sys.exit(status)
    summary = summarize({seed: _measured(run) for seed, run in runs.items()})
    path = pathlib.Path(settings["output_dir"].value) / SEEDS_FILE
    write_whole(path, json.dumps(dataclasses.asdict(summary), indent=2) + "\n")
    Console().print(_table(summary))
    logger.info("all figures are in %s", path)


def measured(line: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a line of history.jsonl, those of validation first."""
    return {
        name: float(value)
        for prefix in _MEASURED
        for name, value in line.items()
        if name.startswith(prefix) and isinstance(value, int | float)
    }


def summarize(runs: Mapping[int, Mapping[str, float]]) -> Summary:
    """Mean and deviation of the metrics that all runs have."""
    first, *others = runs.values()
    values = {
        name: [metrics[name] for metrics in runs.values()]
        for name in first
        if all(name in metrics for metrics in others)
    }
    return Summary(
        runs=runs,
        mean={name: statistics.fmean(each) for name, each in values.items()},
        standard_deviation={
            name: statistics.stdev(each) if others else None for name, each in values.items()
        },
    )


def _check_place(settings: Settings) -> None:
    config = make_config(settings)
    if (pathlib.Path(config.output_dir) / CONFIG_FILE).exists():
        raise InputError(
            f"--output_dir {config.output_dir} holds a run of one seed. Name another folder for "
            "--seeds."
        )
    cluster = read_cluster()
    if cluster and cluster.processes > 1:
        raise InputError(
            f"--seeds, but {VARIABLE} names {cluster.processes} processes, which --seeds cannot "
            "keep in step. Train each with --seed."
        )


def _of_seed(settings: Settings, seed: int) -> Settings:
    folder = pathlib.Path(settings["output_dir"].value) / f"seed-{seed}"
    return settings | {
        "seed": Setting(seed, FLAG),
        "output_dir": Setting(str(folder), settings["output_dir"].source),
    }


def _measured(settings: Settings) -> dict[str, float]:
    return measured(final_line(_folder(settings), dataclasses.asdict(make_config(settings))))


def _folder(settings: Settings) -> pathlib.Path:
    return pathlib.Path(settings["output_dir"].value)


def _table(summary: Summary) -> Table:
    """The metrics of validation, or without any those of training, as people compare them."""
    prefix = next(
        (each for each in _MEASURED if any(name.startswith(each) for name in summary.mean)), ""
    )
    names = [name for name in summary.mean if name.startswith(prefix)]
    table = Table(title=prefix.strip("_"), title_justify="left")
    table.add_column("seed")
    for name in names:
        table.add_column(name.removeprefix(prefix), justify="right")
    for seed, metrics in summary.runs.items():
        table.add_row(str(seed), *(f"{metrics[name]:.4f}" for name in names))
    table.add_section()
    table.add_row("mean", *(f"{summary.mean[name]:.4f}" for name in names))
    deviations = (summary.standard_deviation[name] for name in names)
    table.add_row("deviation", *("" if each is None else f"{each:.4f}" for each in deviations))
    return table
