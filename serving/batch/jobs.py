"""From the flags of the command line to what a job is to predict."""

import argparse
import functools
from collections.abc import Callable, Iterable

from preprocessing import files
from preprocessing.blocks import Sized
from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from serving.batch.pipeline import PredictionSpec
from serving.batch.rows import read_questions, read_texts
from serving.batch.version import find_version


def prediction_job(flags: argparse.Namespace) -> PredictionSpec:
    """A version and what it is to be asked.

    Raises:
        InputError: there is no such version, a source is not there or of no known kind, or a flag
            has no use for them.
    """
    version = find_version(flags.model_dir)
    if flags.nbest and version.task != "squad":
        raise InputError(f"--nbest is {flags.nbest}, but {version.path} tells labels: expected 0.")
    paths = _paths(flags.input)
    if version.task == "squad":
        _refuse_columns(flags, f"{version.path} answers questions")
    elif all(map(readers.is_imdb, paths)):
        _refuse_columns(flags, "--input is aclImdb")
    return PredictionSpec(
        version=version,
        paths=paths,
        read=read_questions if version.task == "squad" else _text_reader(flags, paths),
        n_best=flags.nbest,
        batch_size=flags.batch_size,
        num_shards=flags.num_shards,
        max_rejected_fraction=flags.max_rejected_fraction,
    )


def _text_reader(
    flags: argparse.Namespace, paths: list[str]
) -> Callable[[str, str], Iterable[Sized]]:
    for path in paths:
        readers.is_imdb(path)  # fails for a file of no known kind
    columns = Columns(
        text_column=flags.text_column or "text",
        label_column=None,
        id_column=flags.id_column,
        quotes=not flags.no_quotes,
        names=readers.short_names(paths),
    )
    return functools.partial(read_texts, columns=columns)


def _refuse_columns(flags: argparse.Namespace, reason: str) -> None:
    for name in ("text_column", "id_column", "no_quotes"):
        if getattr(flags, name) is not None:
            raise InputError(f"--{name} is of rows of texts, but {reason}: leave it out.")


def _paths(patterns: list[str]) -> list[str]:
    """All files that the flags name, each once."""
    paths = [path for pattern in patterns for path in files.match(pattern)]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise InputError(f"{twice[0]}: named twice for --input, expected each file once.")
    return paths
