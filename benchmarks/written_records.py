"""What two programs have written, record by record: TFRecords, or Arrow files of `datasets`."""

import array
import dataclasses
import hashlib
import pathlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.errors import InputError
from preprocessing.features import FEATURES

_HEADER = struct.Struct("<QI")  # length of a record, and its checksum
_CHECKSUM_SIZE = 4


@dataclasses.dataclass(frozen=True)
class Written:
    """The records of a folder, in no order: a hash of each, and the tokens of all."""

    hashes: np.ndarray  # uint64[records]
    tokens: int


def read(task: str, folder: pathlib.Path) -> Written:
    """Reads all records below a folder, of all splits.

    Raises:
        InputError: there are none.
    """
    hashes, tokens = array.array("Q"), 0
    for record in _records(task, folder):
        tokens += len(record["token_ids"])
        content = repr([record[name] for name in FEATURES[task]]).encode()
        hashes.append(int.from_bytes(hashlib.sha256(content).digest()[:8]))
    if not hashes:
        raise InputError(f"{folder}: no records in it, neither *.tfrecord nor *.arrow.")
    return Written(np.frombuffer(hashes, np.uint64), tokens)


def count(written: Written) -> dict[str, int]:
    """The number of records and of tokens."""
    return {"records": len(written.hashes), "tokens": written.tokens}


def equal(written: Written, other: Written) -> int:
    """The records of one folder that the other one has too, with all their fields."""
    return int(np.isin(written.hashes, other.hashes).sum())


def _records(task: str, folder: pathlib.Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(folder.rglob("*.tfrecord")):
        for serialized in _frames(path):
            yield _fields(task, serialized)
    for path in sorted(folder.rglob("*.arrow")):
        yield from _rows(path)


def _frames(path: pathlib.Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while header := file.read(_HEADER.size):
            yield file.read(_HEADER.unpack(header)[0])
            file.read(_CHECKSUM_SIZE)


def _fields(task: str, serialized: bytes) -> dict[str, Any]:
    features = tf.train.Example.FromString(serialized).features.feature
    return {name: _value(features[name], spec) for name, spec in FEATURES[task].items()}


def _value(feature: tf.train.Feature, spec: Any) -> Any:
    if spec.dtype == tf.string:
        return feature.bytes_list.value[0].decode()
    values = list(feature.int64_list.value)
    return values if isinstance(spec, tf.io.RaggedFeature) else values[0]


def _rows(path: pathlib.Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow

    with pyarrow.memory_map(str(path)) as file:
        for batch in pyarrow.ipc.open_stream(file):
            yield from batch.to_pylist()
