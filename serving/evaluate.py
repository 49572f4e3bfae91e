"""Scores a model on raw text: `python -m serving.evaluate --model_dir … --input …`."""

import argparse
import logging
import pathlib

from preprocessing import command_line
from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Columns
from serving.client import QA, SENTIMENT
from serving.evaluation.examples import holds_texts
from serving.evaluation.exported import ExportedModel
from serving.evaluation.model import EvaluatedModel
from serving.evaluation.run import evaluate, evaluate_version
from serving.model_dir import newest_version

__all__ = ["evaluate_version", "main"]

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["compare"]:
        from serving.evaluation import compare_command

        compare_command.main(arguments[1:])
        return
    flags = _parser().parse_args(arguments)
    _check(flags)
    model = _model(flags)
    try:
        metrics = evaluate(
            model,
            flags.input,
            flags.output_dir,
            _columns(flags),
            split=flags.split,
            limit=flags.limit,
            batch_size=flags.batch_size,
        )
    finally:
        model.close()
    for name, value in metrics.items():
        logger.info("%-18s %s", name, value)
    logger.info("%s: read report.html in %s", model.name, flags.output_dir)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m serving.evaluate",
        description="Asks a model everything in a raw data set, scores the answers and writes a "
        "report.",
        epilog="`python -m serving.evaluate compare A B` compares two output folders.",
    )
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--model_dir", type=pathlib.Path, help="an export: its newest version, or one version"
    )
    asked.add_argument(
        "--endpoint", help="a server instead: grpc://HOST[:PORT], http://… or https://…"
    )
    parser.add_argument(
        "--input",
        required=True,
        help="aclImdb (folder, archive), labelled rows (.csv, .tsv, .jsonl), SQuAD .json, or "
        "questions .jsonl",
    )
    parser.add_argument(
        "--output_dir", required=True, type=pathlib.Path, help="for metrics, answers and report"
    )
    parser.add_argument(
        "--split", choices=("train", "test"), default="test", help="of aclImdb alone"
    )
    parser.add_argument(
        "--limit", type=int, help="so many reviews (by a hash of the id) or questions (the first)"
    )
    parser.add_argument("--batch_size", type=int, default=32, help="texts in one request")
    parser.add_argument("--model_name", help=f"on the server: {SENTIMENT} or {QA} by the input")
    parser.add_argument("--requests", type=int, default=4, help="to a server at the same time")
    parser.add_argument("--timeout_s", type=float, default=60.0, help="of one request to a server")
    parser.add_argument("--text_column", default="text", help="of rows, as in preprocessing")
    parser.add_argument("--label_column", default="label", help="the same")
    parser.add_argument("--id_column", help="the same; without it an id is <file>:<line>")
    parser.add_argument("--no_quotes", action="store_true", help="quotes are plain characters")
    parser.add_argument(
        "--labels", default="", help="of a server's model, if it does not tell them; by commas"
    )
    command_line.add_verbose_flag(parser)
    return parser


def _check(flags: argparse.Namespace) -> None:
    for name in ("batch_size", "limit", "requests"):
        value = getattr(flags, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}, expected at least 1.")
    if flags.model_dir and (flags.model_name or flags.labels):
        name = "model_name" if flags.model_name else "labels"
        raise InputError(f"--{name} is of a server: expected --endpoint, not --model_dir.")


def _columns(flags: argparse.Namespace) -> Columns:
    return Columns(
        text_column=flags.text_column,
        label_column=flags.label_column,
        id_column=flags.id_column,
        quotes=not flags.no_quotes,
    )


def _model(flags: argparse.Namespace) -> EvaluatedModel:
    if flags.model_dir:
        return ExportedModel(newest_version(flags.model_dir))
    from serving.evaluation.endpoint import EndpointModel

    name = flags.model_name or (SENTIMENT if holds_texts(flags.input) else QA)
    labels = tuple(flags.labels.split(",")) if flags.labels else ()
    return EndpointModel(flags.endpoint, name, labels, flags.requests, flags.timeout_s)


if __name__ == "__main__":
    command_line.run(main)
