"""TFRecords -> a split in memory."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from preprocessing import features
from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError

LABELS = {"imdb": ("label",), "squad": ("start_token", "end_token")}
FACTS = {"imdb": (), "squad": ("window", "is_impossible")}  # not for the model
READ_BATCH = 1024  # records parsed at once


@dataclasses.dataclass(frozen=True)
class Examples:
    """A split in memory, every row's tokens one after the other.

    Attributes:
        token_ids: int32[tokens].
        segment_ids: int32[tokens], or None where all are 0.
        offsets: int64[rows + 1]; row i holds the tokens offsets[i]:offsets[i + 1].
        labels: field -> int32[rows], the fields of `LABELS`.
        facts: field -> int32[rows], the fields of `FACTS`, and "question" where there are several
            rows of one: a number for each id.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray | None
    offsets: np.ndarray
    labels: dict[str, np.ndarray]
    facts: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of reviews or windows."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """The tokens of each row, int64[rows]."""
        return np.diff(self.offsets)


def load_split(data_dir: pathlib.Path, info: DatasetInfo, split: str) -> Examples:
    """Reads all records of a split.

    Raises:
        InputError: the split or a shard is missing, broken, empty, or not what info.json says.
    """
    if split not in info.splits:
        raise InputError(
            f"{data_dir}: no split {split!r}, only {', '.join(sorted(info.splits))}. Run the "
            "preprocessing on input that has it."
        )
    shards = [str(data_dir / name) for name in info.splits[split].shards]
    examples = _parse_shards(info.task, shards)
    if examples.rows != info.splits[split].records or examples.rows == 0:
        raise InputError(
            f"{data_dir}: split {split!r} has {examples.rows} records, expected the "
            f"{info.splits[split].records} of info.json, and at least 1. Run the preprocessing "
            "again."
        )
    return examples


def first_rows(examples: Examples, most: int | None) -> Examples:
    """At most so many rows from the start of a split; None for all."""
    if most is None:
        return examples
    offsets, segments = examples.offsets[: most + 1], examples.segment_ids
    tokens = int(offsets[-1])
    return Examples(
        token_ids=examples.token_ids[:tokens],
        segment_ids=None if segments is None else segments[:tokens],
        offsets=offsets,
        labels={name: values[:most] for name, values in examples.labels.items()},
        facts={name: values[:most] for name, values in examples.facts.items()},
    )


def _parse_shards(task: str, shards: list[str]) -> Examples:
    scalars = (*LABELS[task], *FACTS[task])
    fields: dict[str, list[np.ndarray]] = {name: [] for name in (*scalars, "lengths")}
    ids: list[np.ndarray] = []
    tokens: dict[str, list[np.ndarray]] = {"token_ids": [], "segment_ids": []}
    try:
        for record in tf.data.TFRecordDataset(shards).batch(READ_BATCH):
            parsed = features.parse(task, record)
            fields["lengths"].append(parsed["token_ids"].row_lengths().numpy())
            for name in scalars:
                fields[name].append(parsed[name].numpy().astype(np.int32))
            ids.append(parsed["id"].numpy())
            for name in tokens.keys() & parsed.keys():
                tokens[name].append(parsed[name].flat_values.numpy().astype(np.int32))
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{pathlib.Path(shards[0]).parent}: the records cannot be read ({reason}). Run the "
            "preprocessing again."
        ) from error
    joined = {name: _joined(parts, np.int32) for name, parts in (fields | tokens).items()}
    return Examples(
        token_ids=joined["token_ids"],
        segment_ids=joined["segment_ids"] if tokens["segment_ids"] else None,
        offsets=np.concatenate([[0], np.cumsum(joined["lengths"], dtype=np.int64)]),
        labels={name: joined[name] for name in LABELS[task]},
        facts={name: joined[name] for name in FACTS[task]} | _questions(task, ids),
    )


def _questions(task: str, ids: list[np.ndarray]) -> dict[str, np.ndarray]:
    if task != "squad" or not ids:
        return {}
    return {"question": np.unique(np.concatenate(ids), return_inverse=True)[1].astype(np.int32)}


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
