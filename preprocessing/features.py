"""The record contract: names, dtypes and shapes of what stands in the TFRecords.

Records are `tf.train.Example` messages and are never padded; the padding mask follows from the
length. Token ids are WordPiece ids with `[CLS]` first and `[SEP]` at the end of each segment.
"""

from collections.abc import Mapping

import tensorflow as tf

# Per task: field -> tf.RaggedFeature (one value per token) or tf.io.FixedLenFeature (a scalar).
FEATURES: Mapping[str, Mapping[str, tf.io.RaggedFeature | tf.io.FixedLenFeature]] = {
    "imdb": {
        "token_ids": tf.io.RaggedFeature(tf.int64),  # [tokens]
        "label": tf.io.FixedLenFeature([], tf.int64),  # 1 positive, 0 negative
        "id": tf.io.FixedLenFeature([], tf.string),  # "train/pos/0_9", unique in a data set
    },
    "squad": {
        "token_ids": tf.io.RaggedFeature(tf.int64),  # [CLS] question [SEP] window [SEP]
        "segment_ids": tf.io.RaggedFeature(tf.int64),  # 0 up to the first [SEP], 1 after it
        "start_token": tf.io.FixedLenFeature([], tf.int64),  # index into token_ids; 0: not here
        "end_token": tf.io.FixedLenFeature([], tf.int64),  # inclusive; 0: not here
        "is_impossible": tf.io.FixedLenFeature([], tf.int64),  # 1: the question has no answer
        "id": tf.io.FixedLenFeature([], tf.string),  # the question's id
        "window": tf.io.FixedLenFeature([], tf.int64),  # 0, 1, … within the question
    },
}
TASKS = tuple(FEATURES)


def parse(task: str, serialized: tf.Tensor) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Parses a batch of records.

    Args:
        task: "imdb" or "squad".
        serialized: string[batch].

    Returns:
        The fields of `FEATURES[task]`: one RaggedTensor int64[batch, (tokens)] per token field,
        int64[batch] or string[batch] for the others.
    """
    return tf.io.parse_example(serialized, dict(FEATURES[task]))
