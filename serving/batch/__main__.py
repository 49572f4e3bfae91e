"""Command line: `python -m serving.batch --model_dir … --input … --output_dir … [Beam flags]`."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from preprocessing import command_line, rejected_fraction
from preprocessing.errors import InputError

if TYPE_CHECKING:  # it imports Beam
    from serving.batch.info import PredictionsInfo

_COMMAND = "python -m serving.batch"
_WIDTH = 160  # of a table that no terminal shows


def main(arguments: list[str]) -> None:
    """Predicts what the arguments say, and prints what came of it."""
    flags, beam_flags = _parser().parse_known_args(arguments)
    _check(flags)
    # Beam is imported after the flags are checked: it takes a second.
    from preprocessing import beam_run, publish, remote_files
    from serving.batch import jobs, pipeline

    publish.check_free(flags.output_dir)
    remote_files.configure(beam_flags)
    start = time.monotonic()
    spec = jobs.prediction_job(flags)
    beam_flags += ["--dry_run=True"] * flags.dry_run
    # One process by itself: TensorFlow gives it all cores.
    job = beam_run.job_for_flags(beam_flags, 0, _COMMAND)
    if flags.dry_run:
        for line in pipeline.describe(spec, flags.output_dir, job):
            print(line)
        return
    if job.is_in_process:
        command_line.load_tensorflow()
    info = pipeline.predict(spec, flags.output_dir, job)
    _report(info, flags.output_dir, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog=_COMMAND,
        description="Applies a version of a model to many texts or questions. Flags that are not "
        "listed go to Apache Beam, e.g. --runner=DataflowRunner.",
    )
    parser.add_argument("--model_dir", required=True, help="its newest version, or one version")
    parser.add_argument(
        "--input", nargs="+", required=True,
        help="files, folders, archives or patterns: texts as aclImdb, .csv, .tsv or .jsonl; "
        "questions as SQuAD .json or .jsonl; gs://, s3:// and hdfs:// too",
    )  # fmt: skip
    parser.add_argument("--output_dir", required=True, help="folder of the predictions")
    parser.add_argument(
        "--nbest", type=int, default=0, metavar="N",
        help="of questions also the N best answers, up to 20; takes twice as long",
    )  # fmt: skip
    parser.add_argument("--text_column", help="of CSV, TSV and JSON lines (default text)")
    parser.add_argument("--id_column", help="of the same; without it an id is <file>:<line>")
    parser.add_argument(
        "--no_quotes", action="store_true", default=None,
        help="quotes in CSV and TSV are plain characters",
    )  # fmt: skip
    parser.add_argument("--batch_size", type=int, default=32, help="rows in one call of the model")
    parser.add_argument("--num_shards", type=int, default=4, help="files of predictions")
    rejected_fraction.add_flag(parser, "the source records above which the job fails")
    parser.add_argument(
        "--dry_run", action="store_true", help="check everything and list it, run nothing"
    )
    command_line.add_verbose_flag(parser)
    return parser


def _check(flags: argparse.Namespace) -> None:
    for name in ("batch_size", "num_shards"):
        if getattr(flags, name) < 1:
            raise InputError(f"--{name} is {getattr(flags, name)}, expected at least 1.")
    if not 0 <= flags.nbest <= 20:
        raise InputError(f"--nbest is {flags.nbest}, expected 0 to 20: models list no more.")
    rejected_fraction.check(flags.max_rejected_fraction)


def _report(info: "PredictionsInfo", output_dir: str, seconds: float) -> None:
    table = Table.grid(padding=(0, 2))
    model = f"{info.model['model']} version {info.model['number']}"
    for name, value in (
        ("model", model),
        ("read", f"{info.read:,}"),
        ("predicted", f"{info.predicted:,} in {seconds:.1f} s, {info.predicted / seconds:,.1f}/s"),
        *((f"rejected: {reason}", f"{count:,}") for reason, count in info.rejected.items()),
        ("written to", f"{output_dir}: {len(info.shards)} files of JSON lines, info.json"),
        ("digest", info.digest[:16]),
    ):
        table.add_row(name, value)
    width = None if sys.stdout.isatty() else _WIDTH
    Console(highlight=False, markup=False, width=width).print(table)


if __name__ == "__main__":
    command_line.run(main)
