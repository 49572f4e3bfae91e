"""Command line: `python -m preprocessing imdb|squad --input … --output_dir … [Beam flags]`."""

import argparse
import logging
import time

from preprocessing import command_line, rejected_fraction
from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError
from preprocessing.workers import fork_server

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    flags, beam_flags = _parser().parse_known_args(arguments)
    _check(flags)
    if not beam_flags and not flags.dry_run:
        fork_server.start_for(flags.input)
    # Beam is imported after the flags are checked: it takes a second.
    from preprocessing import beam_run, jobs, pipeline, publish, remote_files

    publish.check_free(flags.output_dir)
    remote_files.configure(beam_flags)
    start = time.monotonic()
    spec = jobs.imdb_job(flags) if flags.task == "imdb" else jobs.squad_job(flags)
    # Beam has a flag of that name: runners are not to ask their servers then.
    beam_flags += ["--dry_run=True"] * flags.dry_run
    job = beam_run.job_for_flags(beam_flags, jobs.source_bytes(spec))
    if flags.dry_run:
        for line in pipeline.describe(spec, flags.output_dir, job):
            print(line)
        return
    if job.is_in_process:
        command_line.load_tensorflow()
    info = pipeline.build_dataset(spec, flags.output_dir, job)
    _report(info, flags.output_dir, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m preprocessing",
        description="Makes TFRecords and info.json of a data set. Flags that are not listed go to "
        "Apache Beam, e.g. --runner=DataflowRunner.",
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    imdb = tasks.add_parser("imdb", help="labelled texts: aclImdb's reviews, or your own")
    imdb.add_argument("--max_seq_length", type=int, default=512, help="tokens of a record")
    imdb.add_argument("--text_column", default="text", help="of CSV, TSV and JSON lines")
    imdb.add_argument("--label_column", default="label", help="of CSV, TSV and JSON lines")
    imdb.add_argument("--id_column", help="of the same; without it an id is <file>:<line>")
    imdb.add_argument(
        "--no_quotes",
        action="store_true",
        help="quotes in CSV and TSV are plain characters, and no cell holds a line end",
    )
    imdb.add_argument(
        "--labels",
        default="",
        help="their names in the order of their numbers, by commas; without it a pass over the "
        "files finds them (of two, the second is the positive one)",
    )
    imdb.add_argument("--test_input", nargs="+", default=[], help="files for the split test")
    squad = tasks.add_parser("squad", help="questions: SQuAD v1.1 or v2.0 JSON, or JSON lines")
    squad.add_argument("--max_seq_length", type=int, default=384, help="tokens of a window")
    squad.add_argument("--doc_stride", type=int, default=128, help="tokens from window to window")
    squad.add_argument("--max_query_length", type=int, default=64, help="tokens of a question")
    for task in (imdb, squad):
        _add_common_flags(task, validation_fraction=0.2 if task is imdb else 0.1)
    return parser


def _add_common_flags(task: argparse.ArgumentParser, validation_fraction: float) -> None:
    task.add_argument(
        "--input",
        nargs="+",
        required=True,
        help="files, folders, archives or patterns such as 'part-*.csv'; gs://, s3:// and hdfs:// "
        "too",
    )
    task.add_argument("--validation_input", nargs="+", default=[], help="for the split validation")
    task.add_argument("--output_dir", required=True, help="folder of the data set")
    task.add_argument(
        "--vocab_file", default="data/presets/minilm/vocab.txt", help="the preset's vocab.txt"
    )
    task.add_argument("--cased", action="store_true", help="the vocabulary is a cased one")
    task.add_argument("--num_shards", type=int, default=4, help="files per split")
    task.add_argument(
        "--validation_fraction",
        type=float,
        default=validation_fraction,
        help="share of the training examples for the split validation, by a hash of the id",
    )
    rejected_fraction.add_flag(task, "the source records above which the job fails")
    task.add_argument(
        "--dry_run", action="store_true", help="check everything and list the steps, run nothing"
    )
    command_line.add_verbose_flag(task)


def _check(flags: argparse.Namespace) -> None:
    if not 0.0 <= flags.validation_fraction < 1.0:
        raise InputError(
            f"--validation_fraction is {flags.validation_fraction}, expected a share in [0, 1)."
        )
    rejected_fraction.check(flags.max_rejected_fraction)
    if flags.num_shards < 1:
        raise InputError(f"--num_shards is {flags.num_shards}, expected at least 1.")
    if flags.task == "imdb" and flags.max_seq_length < 3:
        raise InputError(f"--max_seq_length is {flags.max_seq_length}, expected at least 3 tokens.")


def _report(info: DatasetInfo, output_dir: str, seconds: float) -> None:
    for name, split in info.splits.items():
        logger.info(
            "%s: %d examples, %d records, %.0f tokens a record",
            *(name, split.examples, split.records, split.tokens / split.records),
        )
    rejected = ", ".join(f"{count} {reason}" for reason, count in info.rejected.items())
    logger.info("rejected: %s", rejected or "none")
    logger.info("%s: digest %s, %.1f s", output_dir, info.digest[:16], seconds)


if __name__ == "__main__":
    command_line.run(main)
