"""Command line: `python -m preprocessing imdb|squad --input … --output_dir … [Beam flags]`."""

import argparse
import functools
import logging
import pathlib
import time

from preprocessing import command_line
from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    flags, beam_flags = _parser().parse_known_args(arguments)
    _check_common(flags)
    command_line.load_tensorflow()
    start = time.monotonic()
    info = _imdb(flags, beam_flags) if flags.task == "imdb" else _squad(flags, beam_flags)
    _report(info, flags.output_dir, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m preprocessing",
        description="Makes TFRecords and info.json of a data set. Flags that are not listed go to "
        "Apache Beam, e.g. --runner=DataflowRunner.",
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    imdb = tasks.add_parser("imdb", help="movie reviews: aclImdb, as a folder or tar.gz")
    imdb.add_argument("--input", required=True, help="the aclImdb folder or aclImdb_v1.tar.gz")
    imdb.add_argument("--max_seq_length", type=int, default=512, help="tokens of a record")
    squad = tasks.add_parser("squad", help="questions: SQuAD v1.1 or v2.0 JSON")
    squad.add_argument("--input", required=True, help="the training file")
    squad.add_argument("--validation_input", help="the dev file, for the split validation")
    squad.add_argument("--max_seq_length", type=int, default=384, help="tokens of a window")
    squad.add_argument("--doc_stride", type=int, default=128, help="tokens from window to window")
    squad.add_argument("--max_query_length", type=int, default=64, help="tokens of a question")
    for task in (imdb, squad):
        task.add_argument("--output_dir", required=True, type=pathlib.Path)
        task.add_argument(
            "--vocab_file", default="data/presets/minilm/vocab.txt", help="the preset's vocab.txt"
        )
        task.add_argument("--cased", action="store_true", help="the vocabulary is a cased one")
        task.add_argument("--num_shards", type=int, default=4, help="files per split")
        task.add_argument(
            "--validation_fraction",
            type=float,
            default=0.2 if task is imdb else 0.1,
            help="share of the training examples for the split validation, by a hash of the id",
        )
        command_line.add_verbose_flag(task)
    return parser


def _imdb(flags: argparse.Namespace, beam_flags: list[str]) -> DatasetInfo:
    if flags.max_seq_length < 3:
        raise InputError(f"--max_seq_length is {flags.max_seq_length}, expected at least 3 tokens.")
    from preprocessing import imdb, pipeline, transforms

    imdb.check_source(flags.input)
    spec = pipeline.DatasetSpec(
        task="imdb",
        sources={flags.input: ""},
        vocabulary_path=flags.vocab_file,
        lowercase=not flags.cased,
        num_shards=flags.num_shards,
        parameters={
            "max_seq_length": flags.max_seq_length,
            "validation_fraction": flags.validation_fraction,
        },
        read=imdb.read_split_reviews,
        tokenize=transforms.TokenizeReviews(
            flags.vocab_file, not flags.cased, flags.max_seq_length, flags.validation_fraction
        ),
    )
    return pipeline.build_dataset(spec, flags.output_dir, beam_flags)


def _squad(flags: argparse.Namespace, beam_flags: list[str]) -> DatasetInfo:
    from preprocessing import pipeline, squad, transforms

    windows = squad.WindowParameters(flags.max_seq_length, flags.doc_stride, flags.max_query_length)
    fraction = 0.0 if flags.validation_input else flags.validation_fraction
    sources = {flags.input: "train"}
    if flags.validation_input == flags.input:
        raise InputError(
            f"--validation_input is {flags.input}, expected another file than --input."
        )
    if flags.validation_input:
        sources[flags.validation_input] = "validation"
    for source in sources:
        squad.load_squad(source)
    spec = pipeline.DatasetSpec(
        task="squad",
        sources=sources,
        vocabulary_path=flags.vocab_file,
        lowercase=not flags.cased,
        num_shards=flags.num_shards,
        parameters={
            "max_seq_length": windows.max_seq_length,
            "doc_stride": windows.doc_stride,
            "max_query_length": windows.max_query_length,
            "validation_fraction": fraction,
        },
        read=functools.partial(squad.read_split_paragraphs, validation_fraction=fraction),
        tokenize=transforms.CutWindows(flags.vocab_file, not flags.cased, windows),
    )
    return pipeline.build_dataset(spec, flags.output_dir, beam_flags)


def _check_common(flags: argparse.Namespace) -> None:
    if not 0.0 <= flags.validation_fraction < 1.0:
        raise InputError(
            f"--validation_fraction is {flags.validation_fraction}, expected a share in [0, 1)."
        )
    if flags.num_shards < 1:
        raise InputError(f"--num_shards is {flags.num_shards}, expected at least 1.")


def _report(info: DatasetInfo, output_dir: pathlib.Path, seconds: float) -> None:
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
