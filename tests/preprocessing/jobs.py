"""Jobs on small data, as the command line sets them up, and what they wrote read back."""

import functools
import pathlib
from typing import Any

import tensorflow as tf

from preprocessing import features, imdb, squad, transforms
from preprocessing.dataset_info import load_info
from preprocessing.pipeline import DatasetSpec


def squad_spec(
    sources: dict[str, str],
    vocabulary_path: pathlib.Path,
    max_seq_length: int = 384,
    doc_stride: int = 128,
    max_query_length: int = 64,
    num_shards: int = 2,
) -> DatasetSpec:
    windows = squad.WindowParameters(max_seq_length, doc_stride, max_query_length)
    return DatasetSpec(
        task="squad",
        sources=sources,
        vocabulary_path=str(vocabulary_path),
        lowercase=True,
        num_shards=num_shards,
        parameters={"max_seq_length": max_seq_length},
        read=functools.partial(squad.read_split_paragraphs, validation_fraction=0.0),
        tokenize=transforms.CutWindows(str(vocabulary_path), True, windows),
    )


def imdb_spec(
    source: pathlib.Path,
    vocabulary_path: pathlib.Path,
    max_seq_length: int = 64,
    validation_fraction: float = 0.0,
) -> DatasetSpec:
    return DatasetSpec(
        task="imdb",
        sources={str(source): ""},
        vocabulary_path=str(vocabulary_path),
        lowercase=True,
        num_shards=2,
        parameters={"max_seq_length": max_seq_length},
        read=imdb.read_split_reviews,
        tokenize=transforms.TokenizeReviews(
            str(vocabulary_path), True, max_seq_length, validation_fraction
        ),
    )


def read_dataset(task: str, data_dir: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """Split -> its records in the order of the shards, as plain Python values."""
    splits = load_info(data_dir).splits.items()
    return {split: _read(task, [data_dir / name for name in info.shards]) for split, info in splits}


def _read(task: str, shards: list[pathlib.Path]) -> list[dict[str, Any]]:
    records = []
    for serialized in tf.data.TFRecordDataset([str(path) for path in shards]).batch(1024):
        columns = {
            name: column.to_list()
            if isinstance(column, tf.RaggedTensor)
            else column.numpy().tolist()
            for name, column in features.parse(task, serialized).items()
        }
        columns["id"] = [value.decode() for value in columns["id"]]
        records += [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
    return records
