"""A batch of texts to tokens in chunks, inside the graph."""

from collections.abc import Callable

import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from serving.chunks import in_chunks

# (token_ids, segment_ids int32[batch, sequence], lengths int32[batch]) -> [batch, …]
TextModel = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


class TextTokens:
    """`[CLS]` text `[SEP]` of each text, cut as the training data is.

    Args:
        tokenizer: the one of the training data.
        text: string[batch].
        max_seq_length: tokens that are kept of a text, with `[CLS]` and `[SEP]`.
    """

    def __init__(self, tokenizer: BertTokenizer, text: tf.Tensor, max_seq_length: int):
        self._tokenizer = tokenizer
        self._token_ids = tokenizer.tokenize(text)[:, : max_seq_length - 2]
        self._max_seq_length = max_seq_length

    def in_chunks(self, model: TextModel, row: tf.TensorSpec) -> tf.Tensor:
        """The model's output for all texts; `row` is dtype and shape of one text's."""
        lengths = tf.cast(self._token_ids.row_lengths(), tf.int32) + 2

        def compute(rows: tf.Tensor, sequence: tf.Tensor) -> list[tf.Tensor]:
            return [model(*self._padded(rows, sequence))]

        return in_chunks(compute, lengths, self._max_seq_length, [row])[0]

    def _padded(
        self, rows: tf.Tensor, sequence: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """token_ids and segment_ids, int32[rows, sequence], and lengths, int32[rows]."""
        cls = tf.fill([tf.size(rows), 1], self._tokenizer.cls_id)
        sep = tf.fill([tf.size(rows), 1], self._tokenizer.sep_id)
        token_ids = tf.concat([cls, tf.gather(self._token_ids, rows), sep], axis=1)
        padded = token_ids.to_tensor(self._tokenizer.pad_id, shape=[tf.size(rows), sequence])
        return padded, tf.zeros_like(padded), tf.cast(token_ids.row_lengths(), tf.int32)


def example_texts(examples: tf.Tensor) -> tf.Tensor:
    """The feature `text` of serialized tf.Examples; InvalidArgumentError names the row, from 0."""
    rows = tf.strings.as_string(tf.range(tf.size(examples)))  # the names in TensorFlow's own errors
    spec = {"text": tf.io.RaggedFeature(tf.string)}
    text = tf.io.parse_example(examples, spec, example_names=rows)["text"]
    counts = text.row_lengths()
    wrong = tf.where(counts != 1)[:1, 0]
    message = "inputs: row", wrong, "has", tf.gather(counts, wrong), "values of text, expected one"
    one_each = tf.debugging.Assert(tf.equal(tf.size(wrong), 0), message)
    with tf.control_dependencies([one_each]):
        return tf.identity(text.flat_values)
