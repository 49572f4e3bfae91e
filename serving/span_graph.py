"""The n-best answers of each question over all its windows, inside the graph.

The rules are those of `write_predictions` in google-research/bert's `run_squad.py`: the 20 best
starts and ends of each window, spans of at most 30 tokens that begin where the window is the
token's `is_max_context` one, each text once, a softmax over what is left.
"""

from typing import NamedTuple

import tensorflow as tf

from serving.window_graph import Windows

N_BEST = 20
MAX_ANSWER_TOKENS = 30


class Spans(NamedTuple):
    """Candidate answers; those of one question follow each other, the best first."""

    question: tf.Tensor  # int32[spans]
    score: tf.Tensor  # float64[spans]: start logit plus end logit
    text: tf.Tensor  # string[spans]; "" is the null answer
    start: tf.Tensor  # int32[spans]: characters into the context; -1 for the null answer
    end: tf.Tensor  # int32[spans]: characters, exclusive


class NBest(NamedTuple):
    """The best answers, best first; rows are filled up with "", -1, -1 and probability 0."""

    answer: tf.Tensor  # string[questions, 20]
    start: tf.Tensor  # int32[questions, 20]
    end: tf.Tensor  # int32[questions, 20]
    probability: tf.Tensor  # float32[questions, 20]


def candidate_spans(
    windows: Windows, context: tf.Tensor, start_logits: tf.Tensor, end_logits: tf.Tensor
) -> Spans:
    """All spans that the rules allow, before equal texts are merged.

    Args:
        windows: of the questions.
        context: string[questions].
        start_logits: float32[windows, sequence].
        end_logits: float32[windows, sequence].
    """
    is_token = tf.sequence_mask(windows.lengths, tf.shape(start_logits)[1])
    k = tf.minimum(N_BEST, tf.shape(start_logits)[1])
    start_values, starts = tf.math.top_k(tf.where(is_token, start_logits, -1e30), k)
    end_values, ends = tf.math.top_k(tf.where(is_token, end_logits, -1e30), k)
    offset = windows.context_offset[:, tf.newaxis]
    start_token, end_token = starts - offset, ends - offset  # [windows, k], in the window
    count = windows.num_context_tokens[:, tf.newaxis]
    start_ok = (start_token >= 0) & (start_token < count)
    start_ok &= _is_max_context(windows, start_token, start_ok)
    end_ok = (end_token >= 0) & (end_token < count)
    length = end_token[:, tf.newaxis, :] - start_token[:, :, tf.newaxis] + 1  # [windows, k, k]
    allowed = start_ok[:, :, tf.newaxis] & end_ok[:, tf.newaxis, :]
    allowed &= (length >= 1) & (length <= MAX_ANSWER_TOKENS)
    window, start_rank, end_rank = tf.unstack(tf.cast(tf.where(allowed), tf.int32), axis=1)
    start_index = tf.stack([window, start_rank], axis=1)
    end_index = tf.stack([window, end_rank], axis=1)
    score = _double(tf.gather_nd(start_values, start_index))
    score += _double(tf.gather_nd(end_values, end_index))
    question = tf.gather(windows.question, window)
    first = tf.gather(windows.first_token, window)
    start = _character(windows.starts, question, first + tf.gather_nd(start_token, start_index))
    end = _character(windows.ends, question, first + tf.gather_nd(end_token, end_index))
    text = tf.strings.substr(tf.gather(context, question), start, end - start, unit="UTF8_CHAR")
    return _best_first(Spans(question, score, text, start, end))


def _is_max_context(windows: Windows, token: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Whether this window shows the token with the most context of all its question's windows.

    That is the least number of tokens to its left or right, plus 0.01 per token of the window;
    of equals the first window.

    Args:
        windows: of the questions.
        token: int32[windows, k], tokens of each window's context.
        valid: bool[windows, k], whether the token is one.
    """
    all_tokens = tf.ragged.range(windows.num_context_tokens)  # [windows, (tokens)]
    window = tf.cast(all_tokens.value_rowids(), tf.int32)
    in_window = all_tokens.flat_values
    score = _context_score(windows, window, in_window)
    row_starts = tf.cast(windows.starts.row_starts(), tf.int32)
    origin = tf.gather(row_starts, windows.question) + windows.first_token  # [windows]
    in_all = tf.gather(origin, window) + in_window  # place among all tokens of all contexts
    num_tokens = tf.size(windows.starts.flat_values)
    best = tf.math.unsorted_segment_max(score, in_all, num_tokens)
    is_best = score == tf.gather(best, in_all)
    first_best = tf.math.unsorted_segment_min(
        tf.boolean_mask(window, is_best), tf.boolean_mask(in_all, is_best), num_tokens
    )
    asked = tf.where(valid, origin[:, tf.newaxis] + token, 0)
    # Without any token there is nothing to gather from, and nothing valid either.
    padded = tf.concat([first_best, [-1]], 0)
    own = tf.range(tf.size(windows.question))[:, tf.newaxis]
    return valid & (tf.gather(padded, asked) == own)


def _context_score(windows: Windows, window: tf.Tensor, token: tf.Tensor) -> tf.Tensor:
    length = tf.gather(windows.num_context_tokens, window)
    least = tf.minimum(token, length - 1 - token)
    return _double(least) + 0.01 * _double(length)


def _character(places: tf.RaggedTensor, question: tf.Tensor, token: tf.Tensor) -> tf.Tensor:
    row_starts = tf.cast(places.row_starts(), tf.int32)
    return tf.gather(places.flat_values, tf.gather(row_starts, question) + token)


def _best_first(spans: Spans) -> Spans:
    """Sorts by question, then by falling score; equal scores keep their order."""
    by_score = tf.argsort(spans.score, direction="DESCENDING", stable=True)
    by_question = tf.argsort(tf.gather(spans.question, by_score), stable=True)
    order = tf.gather(by_score, by_question)
    return Spans(*(tf.gather(field, order) for field in spans))


def _unique_texts(spans: Spans) -> Spans:
    """Of a question's spans with equal text, the best one."""
    key = tf.strings.join([tf.strings.as_string(spans.question), spans.text], separator=" ")
    distinct, group = tf.unique(key)  # numbered in the order of their first places
    first = tf.math.unsorted_segment_min(tf.range(tf.size(group)), group, tf.size(distinct))
    return Spans(*(tf.gather(field, first) for field in spans))


def null_scores(
    windows: Windows, logits: tuple[tf.Tensor, tf.Tensor], count: tf.Tensor
) -> tf.Tensor:
    """The least score of the `[CLS]` over a question's windows: float64[questions].

    Args:
        windows: of the questions.
        logits: start and end logits, each float32[windows, sequence].
        count: the number of questions.
    """
    start_logits, end_logits = logits
    score = _double(start_logits[:, 0]) + _double(end_logits[:, 0])
    return tf.math.unsorted_segment_min(score, windows.question, count)


def n_best(spans: Spans, null_score: tf.Tensor | None, count: tf.Tensor) -> NBest:
    """The 20 best distinct answers of each question, with a softmax over them.

    Args:
        spans: from `candidate_spans`.
        null_score: float64[questions], for models that may find no answer: the null answer takes
            part (it is left out of the list, but not of the softmax, when 20 are better). None
            for SQuAD v1.1.
        count: the number of questions.
    """
    unique = _unique_texts(spans)
    if null_score is not None:
        kept = _ranks(unique.question) < N_BEST
        unique = Spans(*(tf.boolean_mask(field, kept) for field in unique))
        unique = _best_first(_with_null(unique, null_score, count))
    # With the null answer there may be one more than 20: `run_squad.py` adds it at the end.
    is_null = unique.start < 0
    rank = _ranks(unique.question)
    kept = (rank < N_BEST) | is_null
    unique = Spans(*(tf.boolean_mask(field, kept) for field in unique))
    probability = _softmax(unique, count)
    shown = tf.boolean_mask(rank, kept) < N_BEST
    index = tf.stack([unique.question, tf.boolean_mask(rank, kept)], axis=1)
    index = tf.boolean_mask(index, shown)

    def table(values: tf.Tensor, filler: str | int | float) -> tf.Tensor:
        empty = tf.fill([count, N_BEST], tf.constant(filler, values.dtype))
        return tf.tensor_scatter_nd_update(empty, index, tf.boolean_mask(values, shown))

    return NBest(
        answer=table(unique.text, ""),
        start=table(unique.start, -1),
        end=table(unique.end, -1),
        probability=table(probability, 0.0),
    )


def _with_null(spans: Spans, null_score: tf.Tensor, count: tf.Tensor) -> Spans:
    nowhere = tf.fill([count], -1)
    null = Spans(tf.range(count), null_score, tf.fill([count], ""), nowhere, nowhere)
    return Spans(*(tf.concat(pair, 0) for pair in zip(spans, null, strict=True)))


def _ranks(question: tf.Tensor) -> tf.Tensor:
    """0 for the first span of each question, 1 for the second, …; the spans are sorted."""
    first = tf.searchsorted(question, question, side="left")
    return tf.range(tf.size(question)) - first


def _softmax(spans: Spans, count: tf.Tensor) -> tf.Tensor:
    """Over the spans of each question: float32[spans]."""
    best = tf.math.unsorted_segment_max(spans.score, spans.question, count)
    power = tf.exp(spans.score - tf.gather(best, spans.question))
    total = tf.math.unsorted_segment_sum(power, spans.question, count)
    return tf.cast(power / tf.gather(total, spans.question), tf.float32)


def _double(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float64)
