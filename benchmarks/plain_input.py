"""Three tf.data pipelines from TFRecords to batches, as tutorials have them.

All shuffle within a buffer, use every core for parsing and work ahead. Their batches have the
fields of the trainer's: token_ids, segment_ids and padding_mask, int32[batch, length], and labels.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from preprocessing import features
from trainer.examples import LABELS

SHUFFLE_BUFFER = 10_000  # records
BUCKET_WIDTH = 32  # tokens

Fields = dict[str, tf.Tensor]


def padded(task: str, shards: list[str], batch_size: int, longest: int) -> tf.data.Dataset:
    """Record by record, padded to the longest that a record may be."""
    examples = _shuffled(shards).map(_parse_one(task), tf.data.AUTOTUNE)
    specs = examples.element_spec.items()
    shapes = {name: [longest] if spec.shape.rank else [] for name, spec in specs}
    return examples.padded_batch(batch_size, shapes).prefetch(tf.data.AUTOTUNE)


def parsed_in_batches(
    task: str, shards: list[str], batch_size: int, longest: int
) -> tf.data.Dataset:
    """Batched first and parsed a batch at a time, as TensorFlow's guide to performance advises."""

    def parse(serialized: tf.Tensor) -> Fields:
        parsed = features.parse(task, serialized)
        return _fields(task, parsed, lambda ragged: ragged.to_tensor(shape=[None, longest]))

    batches = _shuffled(shards).batch(batch_size).map(parse, tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE)


def bucketed(task: str, shards: list[str], batch_size: int, longest: int) -> tf.data.Dataset:
    """Batches of records about as long, padded to the longest of the batch."""
    examples = _shuffled(shards).map(_parse_one(task), tf.data.AUTOTUNE)
    borders = list(range(BUCKET_WIDTH + 1, longest + 1, BUCKET_WIDTH))
    return examples.bucket_by_sequence_length(
        lambda example: tf.size(example["token_ids"]),
        bucket_boundaries=borders,
        bucket_batch_sizes=[batch_size] * (len(borders) + 1),
    ).prefetch(tf.data.AUTOTUNE)


def _shuffled(shards: list[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(shards).shuffle(SHUFFLE_BUFFER)


def _parse_one(task: str) -> Callable[[tf.Tensor], Fields]:
    def parse(serialized: tf.Tensor) -> Fields:
        parsed = tf.io.parse_single_example(serialized, dict(features.FEATURES[task]))
        return _fields(task, parsed, lambda tokens: tokens)

    return parse


def _fields(task: str, parsed: dict[str, Any], dense: Callable[[Any], tf.Tensor]) -> Fields:
    token_ids = parsed["token_ids"]
    fields = {
        "token_ids": token_ids,
        "segment_ids": parsed.get("segment_ids", tf.zeros_like(token_ids)),
        "padding_mask": tf.ones_like(token_ids),
    }
    labels = {name: tf.cast(parsed[name], tf.int32) for name in LABELS[task]}
    return {name: tf.cast(dense(value), tf.int32) for name, value in fields.items()} | labels
