"""A batch of questions and contexts to one padded batch of windows, inside the graph."""

from typing import NamedTuple

import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer


class Windows(NamedTuple):
    """All windows of a request, those of one question after each other.

    `starts` and `ends` have a row per question, the other fields one per window.
    """

    token_ids: tf.Tensor  # int32[windows, sequence]: [CLS] question [SEP] context [SEP]
    segment_ids: tf.Tensor  # int32[windows, sequence]
    lengths: tf.Tensor  # int32[windows]: tokens before the padding
    question: tf.Tensor  # int32[windows]: which question it belongs to
    first_token: tf.Tensor  # int32[windows]: its first token's place in the context
    num_context_tokens: tf.Tensor  # int32[windows]
    context_offset: tf.Tensor  # int32[windows]: tokens before the context
    starts: tf.RaggedTensor  # int32[questions, (context tokens)]: characters
    ends: tf.RaggedTensor  # int32[questions, (context tokens)]: characters, exclusive


def cut_windows(
    tokenizer: BertTokenizer,
    question: tf.Tensor,
    context: tf.Tensor,
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
) -> Windows:
    """Windows as `preprocessing.windows.cut_windows` cuts them.

    A context without any token has one window without context, so that every question has one.

    Args:
        tokenizer: the one the model was trained with.
        question: string[questions].
        context: string[questions].
        max_seq_length: tokens of a window, with question and special tokens.
        doc_stride: tokens from one window's start to the next.
        max_query_length: tokens that are kept of a question.
    """
    question_ids = tokenizer.tokenize(question)[:, :max_query_length]
    context_ids, starts, ends = tokenizer.tokenize_with_offsets(context)
    question_lengths = tf.cast(question_ids.row_lengths(), tf.int32)
    context_lengths = tf.cast(context_ids.row_lengths(), tf.int32)
    room = max_seq_length - 3 - question_lengths  # [questions]
    step = tf.minimum(room, doc_stride)
    more = tf.maximum(context_lengths - room, 0)  # tokens beyond the first window
    counts = 1 + (more + step - 1) // step  # windows of each question
    row = tf.repeat(tf.range(tf.size(counts)), counts)  # [windows]
    number = tf.range(tf.size(row)) - tf.gather(tf.cumsum(counts, exclusive=True), row)
    first_token = number * tf.gather(step, row)
    lengths = tf.minimum(tf.gather(context_lengths, row) - first_token, tf.gather(room, row))
    row_starts = tf.cast(context_ids.row_starts(), tf.int32)
    flat_start = tf.gather(row_starts, row) + first_token
    context_part = tf.gather(
        context_ids.flat_values, tf.ragged.range(flat_start, flat_start + lengths)
    )
    question_part = tf.gather(question_ids, row)
    cls = tf.fill([tf.size(row), 1], tokenizer.cls_id)
    sep = tf.fill([tf.size(row), 1], tokenizer.sep_id)
    token_ids = tf.concat([cls, question_part, sep, context_part, sep], axis=1)
    context_offset = tf.gather(question_lengths, row) + 2
    padded = token_ids.to_tensor(default_value=tokenizer.pad_id)  # [windows, sequence]
    total = tf.cast(token_ids.row_lengths(), tf.int32)
    position = tf.range(tf.shape(padded)[1])[tf.newaxis]
    in_context = (position >= context_offset[:, tf.newaxis]) & (position < total[:, tf.newaxis])
    return Windows(
        token_ids=padded,
        segment_ids=tf.cast(in_context, tf.int32),
        lengths=total,
        question=row,
        first_token=first_token,
        num_context_tokens=lengths,
        context_offset=context_offset,
        starts=starts,
        ends=ends,
    )
