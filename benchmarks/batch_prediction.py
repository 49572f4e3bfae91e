"""Batch prediction against calling the graph directly, in batches sorted by length.

python -m benchmarks.batch_prediction --model_dir models/sentiment --input reviews.jsonl

Both sides run in turns in one process and load the model each time; the direct side holds all rows
and sorts all of them, the pipeline reads, sorts a block at a time, writes and publishes. With
`--processes` the pipeline runs once more in as many worker processes, their start included.
"""

import argparse
import pathlib
import statistics
import tempfile
import time
from typing import TYPE_CHECKING

from preprocessing import command_line

if TYPE_CHECKING:  # it imports Beam
    from serving.batch.pipeline import PredictionSpec


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.batch_prediction", description=__doc__
    )
    parser.add_argument("--model_dir", required=True, help="its newest version, or one version")
    parser.add_argument("--input", nargs="+", required=True, help="as of serving.batch")
    parser.add_argument("--batch_size", type=int, default=32, help="rows in one call")
    parser.add_argument("--rounds", type=int, default=1, help="of both sides in turns")
    parser.add_argument("--processes", type=int, default=0, help="also in so many processes")
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    _measure(flags)


def _measure(flags: argparse.Namespace) -> None:
    direct, piped = [], []
    for _ in range(flags.rounds):
        rows, load_s, asked_s = _direct(flags)
        direct.append(rows / (load_s + asked_s))
        print(f"direct: {rows} rows, load {load_s:.1f} s, then {rows / asked_s:.2f} rows/s")
        rows, seconds = _piped(flags, ["--direct_num_workers=1"])
        piped.append(rows / seconds)
        print(f"pipeline: {rows} rows, {seconds:.1f} s, {piped[-1]:.2f} rows/s")
    ratio = statistics.median(piped) / statistics.median(direct)
    print(f"pipeline against direct, both with the load of the model: {ratio:.3f}")
    if flags.processes:
        workers = f"--direct_num_workers={flags.processes}"
        rows, seconds = _piped(flags, [workers, "--direct_running_mode=multi_processing"])
        print(f"{flags.processes} processes: {rows} rows, {seconds:.1f} s, {rows / seconds:.2f}/s")


def _direct(flags: argparse.Namespace) -> tuple[int, float, float]:
    """Rows, seconds of loading, seconds of the calls."""
    from serving.batch.handler import INPUTS
    from serving.batch.rows import Row, cut_batches
    from serving.saved_model import load_in_session

    spec = _spec(flags)
    elements = [element for path in spec.paths for element in spec.read(path, "")]
    rows = [element for element in elements if isinstance(element, Row)]
    aliases = INPUTS[spec.version.task]
    start = time.monotonic()
    run = load_in_session(pathlib.Path(spec.version.path))
    run("serving_default", {alias: [b""] for alias in aliases})
    loaded = time.monotonic()
    for places in cut_batches(rows, flags.batch_size, 1 << 30):
        columns = zip(*(rows[i].texts for i in places), strict=True)
        inputs = {alias: list(column) for alias, column in zip(aliases, columns, strict=True)}
        run("serving_default", inputs)
    return len(rows), loaded - start, time.monotonic() - loaded


def _piped(flags: argparse.Namespace, beam_flags: list[str]) -> tuple[int, float]:
    """Rows, and the seconds of the whole job."""
    from preprocessing.beam_run import job_for_flags
    from serving.batch.pipeline import predict

    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        info = predict(_spec(flags), f"{folder}/predictions", job_for_flags(beam_flags, 0))
        return info.predicted, time.monotonic() - start


def _spec(flags: argparse.Namespace) -> "PredictionSpec":
    from serving.batch.jobs import prediction_job

    defaults = {
        "nbest": 0, "text_column": None, "id_column": None, "no_quotes": None,
        "num_shards": 4, "max_rejected_fraction": 0.01,
    }  # fmt: skip
    return prediction_job(argparse.Namespace(**{**defaults, **vars(flags)}))


if __name__ == "__main__":
    command_line.run(main)
