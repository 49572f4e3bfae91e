"""From the flags of the command line to what a job is to do."""

import argparse
import dataclasses
import functools

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.pipeline import DatasetSpec
from preprocessing.questions import QuestionConverter
from preprocessing.reviews import ReviewConverter
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from preprocessing.transforms import Source
from preprocessing.windows import WindowParameters


def imdb_job(flags: argparse.Namespace) -> DatasetSpec:
    """Labelled texts to records.

    Raises:
        InputError: a source is not there or of no known kind, or has no usable labels.
    """
    found = _sources(flags)
    paths = [source.path for source in found]
    columns = Columns(
        text_column=flags.text_column,
        label_column=flags.label_column,
        id_column=flags.id_column,
        labels=tuple(flags.labels.split(",")) if flags.labels else (),
        quotes=not flags.no_quotes,
        names=readers.short_names(paths),
    )
    for source in found:
        if source.split != "train" and readers.is_imdb(source.path):
            raise InputError(
                f"--{source.split}_input {source.path}: aclImdb has splits of its own, expected a "
                "file of rows. Name it for --input alone."
            )
    labels = readers.labels_of(paths, columns)
    columns = dataclasses.replace(columns, labels=labels)
    fraction = 0.0 if flags.validation_input else flags.validation_fraction
    return DatasetSpec(
        task="imdb",
        sources=[Source(s.path, "" if readers.is_imdb(s.path) else s.split) for s in found],
        vocabulary_path=flags.vocab_file,
        lowercase=not flags.cased,
        num_shards=flags.num_shards,
        max_rejected_fraction=flags.max_rejected_fraction,
        parameters={
            "max_seq_length": flags.max_seq_length,
            "validation_fraction": fraction,
        },
        labels=list(labels),
        read=functools.partial(readers.labelled_texts, columns=columns),
        converter=ReviewConverter(
            labels=labels, max_seq_length=flags.max_seq_length, validation_fraction=fraction
        ),
    )


def squad_job(flags: argparse.Namespace) -> DatasetSpec:
    """Questions about contexts to records.

    Raises:
        InputError: a source is not there or of no known kind, or the lengths do not fit.
    """
    windows = WindowParameters(flags.max_seq_length, flags.doc_stride, flags.max_query_length)
    fraction = 0.0 if flags.validation_input else flags.validation_fraction
    return DatasetSpec(
        task="squad",
        sources=_sources(flags),
        vocabulary_path=flags.vocab_file,
        lowercase=not flags.cased,
        num_shards=flags.num_shards,
        max_rejected_fraction=flags.max_rejected_fraction,
        parameters={
            "max_seq_length": windows.max_seq_length,
            "doc_stride": windows.doc_stride,
            "max_query_length": windows.max_query_length,
            "validation_fraction": fraction,
        },
        labels=[],
        read=readers.paragraphs,
        converter=QuestionConverter(windows=windows, validation_fraction=fraction),
    )


def source_bytes(spec: DatasetSpec) -> int:
    """The size of all sources as they are stored."""
    return sum(files.file_size(source.path) for source in spec.sources)


def _sources(flags: argparse.Namespace) -> list[Source]:
    """All files that the flags name, each once."""
    patterns = {
        "train": flags.input,
        "validation": flags.validation_input,
        "test": getattr(flags, "test_input", []),
    }
    found: dict[str, str] = {}
    for split, some in patterns.items():
        for path in (path for pattern in some for path in files.match(pattern)):
            if path in found:
                raise InputError(
                    f"{path}: named twice, for {found[path]} and {split}; expected each file once."
                )
            found[path] = split
    return [Source(path, split) for path, split in found.items()]
