"""Records as TensorFlow itself writes and reads them."""

import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from preprocessing import features
from preprocessing.dataset_info import load_info


def encode(record: Mapping[str, int | str | list[int]]) -> bytes:
    """The deterministic serialization of a `tf.train.Example`."""
    fields = {name: _feature(value) for name, value in record.items()}
    example = tf.train.Example(features=tf.train.Features(feature=fields))
    return example.SerializeToString(deterministic=True)


def _feature(value: int | str | list[int]) -> tf.train.Feature:
    if isinstance(value, str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
    values = value if isinstance(value, list) else [value]
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def decode(task: str, serialized: list[bytes]) -> list[dict[str, Any]]:
    """Records as plain Python values."""
    columns = {
        name: column.to_list() if isinstance(column, tf.RaggedTensor) else column.numpy().tolist()
        for name, column in features.parse(task, tf.constant(serialized)).items()
    }
    columns["id"] = [value.decode() for value in columns["id"]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def read_dataset(task: str, data_dir: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """Split -> its records in the order of the shards."""
    records: dict[str, list[dict[str, Any]]] = {}
    for split, info in load_info(data_dir).splits.items():
        records[split] = []
        shards = [str(data_dir / name) for name in info.shards]
        for serialized in tf.data.TFRecordDataset(shards).batch(1024):
            records[split] += decode(task, list(serialized.numpy()))
    return records
