"""Jobs on small data, as the command line sets them up."""

import pathlib

from preprocessing import pipeline
from preprocessing.beam_run import job_for_flags
from preprocessing.dataset_info import DatasetInfo
from preprocessing.pipeline import DatasetSpec
from preprocessing.questions import QuestionConverter
from preprocessing.reviews import ReviewConverter
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from preprocessing.transforms import Source
from preprocessing.windows import WindowParameters

TWO_THREADS = ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]
TWO_PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]


def build(
    spec: DatasetSpec, data_dir: pathlib.Path, beam_flags: list[str] | None = None
) -> DatasetInfo:
    """Runs a job to its end."""
    return pipeline.build_dataset(spec, str(data_dir), job_for_flags(beam_flags or [], 0))


def squad_spec(
    split_of: dict[str, str],
    vocabulary_path: pathlib.Path,
    max_seq_length: int = 384,
    doc_stride: int = 128,
    max_query_length: int = 64,
    num_shards: int = 2,
    max_rejected_fraction: float = 1.0,
) -> DatasetSpec:
    windows = WindowParameters(max_seq_length, doc_stride, max_query_length)
    return DatasetSpec(
        task="squad",
        sources=[Source(path, split) for path, split in split_of.items()],
        vocabulary_path=str(vocabulary_path),
        lowercase=True,
        num_shards=num_shards,
        max_rejected_fraction=max_rejected_fraction,
        parameters={"max_seq_length": max_seq_length},
        labels=[],
        read=readers.paragraphs,
        converter=QuestionConverter(windows=windows, validation_fraction=0.0),
    )


def _read_reviews(path, split):
    return readers.labelled_texts(path, split, Columns())


def imdb_spec(
    source: pathlib.Path,
    vocabulary_path: pathlib.Path,
    max_seq_length: int = 64,
    validation_fraction: float = 0.0,
    max_rejected_fraction: float = 1.0,
) -> DatasetSpec:
    return DatasetSpec(
        task="imdb",
        sources=[Source(str(source), "")],
        vocabulary_path=str(vocabulary_path),
        lowercase=True,
        num_shards=2,
        max_rejected_fraction=max_rejected_fraction,
        parameters={"max_seq_length": max_seq_length},
        labels=["neg", "pos"],
        read=_read_reviews,
        converter=ReviewConverter(
            labels=("neg", "pos"),
            max_seq_length=max_seq_length,
            validation_fraction=validation_fraction,
        ),
    )
