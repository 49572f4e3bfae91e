"""Scores a model on raw text: `python -m serving.evaluate --model_dir … --input …`."""

import argparse
import logging
import math
import pathlib
from collections.abc import Iterable

from preprocessing import command_line, files, rejected_fraction
from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import DELIMITERS, Columns
from serving.client import QA, SENTIMENT
from serving.errors import InvalidEndpoint
from serving.evaluation.examples import holds_texts
from serving.evaluation.exported import ExportedModel
from serving.evaluation.model import TEXT_CLASSIFIER, EvaluatedModel
from serving.evaluation.run import evaluate, evaluate_version
from serving.model_dir import newest_version
from serving.tls_flags import TLS_FLAGS, add_tls_flags, tls_of
from serving.transport import ModelRef, check_tls, parse_endpoint

__all__ = ["evaluate_version", "main"]

logger = logging.getLogger(__name__)

# Defaults of flags that are None unless they are given, so that one without use is refused.
_SPLIT, _REQUESTS, _TIMEOUT_S = "test", 4, 60.0
_OF_A_SERVER = (
    "model_name", "model_version", "version_label", "labels", "requests", "timeout_s", *TLS_FLAGS,
)  # fmt: skip
_OF_ROWS = ("text_column", "label_column", "id_column", "no_quotes")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["compare"]:
        from serving.evaluation import compare_command

        compare_command.main(arguments[1:])
        return
    flags = _parser().parse_args(arguments)
    _check(flags)
    model = _model(flags)
    try:
        _check_input(flags, model.kind)
        metrics = evaluate(
            model,
            flags.input,
            flags.output_dir,
            _columns(flags),
            split=flags.split or _SPLIT,
            limit=flags.limit,
            batch_size=flags.batch_size,
            max_rejected_fraction=flags.max_rejected_fraction,
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
        "--endpoint", help="a server instead: grpc[s]://HOST[:PORT], http://… or https://…"
    )
    add_tls_flags(parser)
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
        "--split", choices=("train", "test"), help=f"of aclImdb alone (default {_SPLIT})"
    )
    parser.add_argument(
        "--limit", type=int, help="so many reviews (by a hash of the id) or questions (the first)"
    )
    parser.add_argument("--batch_size", type=int, default=32, help="texts in one request")
    parser.add_argument("--model_name", help=f"on the server: {SENTIMENT} or {QA} by the input")
    version = parser.add_mutually_exclusive_group()
    version.add_argument(
        "--model_version", type=int, metavar="N", help="on the server (default: the highest)"
    )
    version.add_argument("--version_label", help="on the server, in place of a number, as canary")
    rejected_fraction.add_flag(parser, "the input that cannot be asked above which it fails")
    parser.add_argument(
        "--requests", type=int, help=f"to a server at the same time (default {_REQUESTS})"
    )
    parser.add_argument(
        "--timeout_s", type=float, help=f"of one request to a server (default {_TIMEOUT_S:g})"
    )
    parser.add_argument("--text_column", help="of rows, as in preprocessing (default text)")
    parser.add_argument("--label_column", help="the same (default label)")
    parser.add_argument("--id_column", help="the same; without it an id is <file>:<line>")
    parser.add_argument(
        "--no_quotes", action="store_true", default=None, help="quotes are plain characters"
    )
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
    rejected_fraction.check(flags.max_rejected_fraction)
    if flags.timeout_s is not None and not 0.0 < flags.timeout_s < math.inf:
        raise InputError(f"--timeout_s is {flags.timeout_s:g}, expected seconds, such as 60.")
    if flags.model_dir:
        _refuse(flags, _OF_A_SERVER, "is of a server: expected --endpoint, not --model_dir")
    else:
        _check_endpoint(flags)


def _check_endpoint(flags: argparse.Namespace) -> None:
    try:
        tls = tls_of(flags)
    except InvalidEndpoint as error:
        raise InputError(f"{error}.") from error
    try:
        check_tls(parse_endpoint(flags.endpoint), tls)
    except InvalidEndpoint as error:
        raise InputError(f"--{error}.") from error


def _check_input(flags: argparse.Namespace, kind: str) -> None:
    """Refuses flags that this input, or this kind of model, has no use for."""
    if kind != TEXT_CLASSIFIER:
        names = ("split", *_OF_ROWS, "labels")
        _refuse(flags, names, "is of labelled texts, but the model answers questions: leave it out")
    elif readers.is_imdb(flags.input):
        _refuse(flags, _OF_ROWS, f"is of rows, but --input {flags.input} is aclImdb: leave it out")
    else:
        rows = f"but --input {flags.input} is a file of rows: leave it out"
        _refuse(flags, ("split",), f"is of aclImdb, {rows}")
        if files.extension_of(flags.input) not in DELIMITERS:
            _refuse(flags, ("no_quotes",), f"is of .csv and .tsv, {rows}")


def _refuse(flags: argparse.Namespace, names: Iterable[str], reason: str) -> None:
    for name in names:
        if getattr(flags, name) not in (None, ""):
            raise InputError(f"--{name} {reason}.")


def _columns(flags: argparse.Namespace) -> Columns:
    return Columns(
        text_column=flags.text_column or "text",
        label_column=flags.label_column or "label",
        id_column=flags.id_column,
        quotes=not flags.no_quotes,
    )


def _model(flags: argparse.Namespace) -> EvaluatedModel:
    if flags.model_dir:
        try:
            return ExportedModel(newest_version(flags.model_dir))
        except InputError as error:
            raise InputError(f"--model_dir {error}") from error
    from serving.evaluation.endpoint import EndpointModel

    name = flags.model_name or (SENTIMENT if holds_texts(flags.input) else QA)
    labels = tuple(flags.labels.split(",")) if flags.labels else ()
    requests, timeout_s = flags.requests or _REQUESTS, flags.timeout_s or _TIMEOUT_S
    model = ModelRef(name, flags.model_version, flags.version_label)
    return EndpointModel(flags.endpoint, model, labels, requests, timeout_s, tls_of(flags))


if __name__ == "__main__":
    command_line.run(main)
