"""A batch of questions and contexts to windows of tokens, inside the graph."""

from typing import NamedTuple

import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer


class Request(NamedTuple):
    """Tokenised questions, and their contexts, each distinct one once."""

    question_ids: tf.RaggedTensor  # int32[questions, (tokens)]
    context: tf.Tensor  # int32[questions]: the row of its context in the next four
    context_ids: tf.RaggedTensor  # int32[contexts, (tokens)]
    starts: tf.RaggedTensor  # int32[contexts, (tokens)]: characters
    ends: tf.RaggedTensor  # int32[contexts, (tokens)]: characters, exclusive
    characters: tf.RaggedTensor  # int32[contexts, (characters)]: code points


class Windows(NamedTuple):
    """Where windows lie in their contexts, each int32[windows]; lengths are in tokens.

    Those of one question follow each other. Their tokens are `window_tokens`.
    """

    question: tf.Tensor  # which question it belongs to
    number: tf.Tensor  # 0, 1, … within the question
    count: tf.Tensor  # the windows of its question
    first_token: tf.Tensor  # its first token's place in the context
    num_context_tokens: tf.Tensor
    context_offset: tf.Tensor  # tokens before the context: [CLS], the question, [SEP]
    room: tf.Tensor  # tokens of context that all windows of the question but the last have
    step: tf.Tensor  # from one window's start to the next
    last_length: tf.Tensor  # `num_context_tokens` of the question's last window

    @property
    def lengths(self) -> tf.Tensor:
        """int32[windows]: all tokens."""
        return self.context_offset + self.num_context_tokens + 1

    def take(self, rows: tf.Tensor) -> "Windows":
        """Some of the windows."""
        return Windows(*(tf.gather(field, rows) for field in self))


def tokenize_request(
    tokenizer: BertTokenizer, question: tf.Tensor, context: tf.Tensor, max_query_length: int
) -> Request:
    """Tokenises questions, cut to `max_query_length` tokens, and contexts: string[questions].

    Invalid UTF-8 in a context counts as U+FFFD, one for each invalid sequence.
    """
    distinct, row = tf.unique(context)
    question_ids = tokenizer.tokenize(question)[:, :max_query_length]
    context_ids, starts, ends = tokenizer.tokenize_with_offsets(distinct)
    characters = tf.strings.unicode_decode(distinct, "UTF-8", errors="replace")
    return Request(question_ids, row, context_ids, starts, ends, characters)


def cut_windows(request: Request, max_seq_length: int, doc_stride: int) -> Windows:
    """Windows as `preprocessing.windows.cut_windows` cuts them.

    A context without any token has one window without context, so that every question has one.

    Args:
        request: questions and contexts.
        max_seq_length: tokens of a window, with question and special tokens.
        doc_stride: tokens from one window's start to the next.
    """
    question_lengths = tf.cast(request.question_ids.row_lengths(), tf.int32)
    context_lengths = tf.cast(request.context_ids.row_lengths(), tf.int32)
    context_lengths = tf.gather(context_lengths, request.context)  # [questions]
    room = max_seq_length - 3 - question_lengths
    step = tf.minimum(room, doc_stride)
    more = tf.maximum(context_lengths - room, 0)  # tokens beyond the first window
    count = 1 + (more + step - 1) // step
    last_length = context_lengths - (count - 1) * step
    question = tf.repeat(tf.range(tf.size(count)), count)  # [windows]
    number = tf.range(tf.size(question)) - tf.gather(tf.cumsum(count, exclusive=True), question)
    count, room, step, last_length, offset = (
        tf.gather(each, question) for each in (count, room, step, last_length, question_lengths + 2)
    )
    return Windows(
        question=question,
        number=number,
        count=count,
        first_token=number * step,
        num_context_tokens=tf.where(number == count - 1, last_length, room),
        context_offset=offset,
        room=room,
        step=step,
        last_length=last_length,
    )


def window_tokens(
    tokenizer: BertTokenizer, request: Request, windows: Windows, sequence: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What the encoder reads, padded to `sequence`, which no window is longer than.

    Returns:
        token_ids, int32[windows, sequence]: [CLS] question [SEP] context [SEP]; segment_ids,
        int32[windows, sequence], 1 after the first [SEP]; and lengths, int32[windows].
    """
    row = tf.gather(request.context, windows.question)
    row_starts = tf.cast(request.context_ids.row_starts(), tf.int32)
    begin = tf.gather(row_starts, row) + windows.first_token
    places = tf.ragged.range(begin, begin + windows.num_context_tokens)
    cls = tf.fill([tf.size(row), 1], tokenizer.cls_id)
    sep = tf.fill([tf.size(row), 1], tokenizer.sep_id)
    question = tf.gather(request.question_ids, windows.question)
    context = tf.gather(request.context_ids.flat_values, places)
    token_ids = tf.concat([cls, question, sep, context, sep], axis=1)
    padded = token_ids.to_tensor(tokenizer.pad_id, shape=[tf.size(row), sequence])
    lengths = windows.lengths
    position = tf.range(sequence)[tf.newaxis]
    in_context = position >= windows.context_offset[:, tf.newaxis]
    in_context &= position < lengths[:, tf.newaxis]
    return padded, tf.cast(in_context, tf.int32), lengths
