"""The n-best answers of each question over all its windows, inside the graph.

The rules are those of `write_predictions` in google-research/bert's `run_squad.py`: spans of at
most 30 tokens from one of the best starts to one of the best ends of a window, each text once, a
softmax over the 20 best.
"""

from typing import NamedTuple

import tensorflow as tf

from serving.span_graph import Places, double
from serving.window_graph import Request, Windows
from trainer.spans import MAX_ANSWER_TOKENS, N_BEST

# Windows whose spans, up to 400 of each, are compared at once: 40 MB at most.
_WINDOWS_AT_ONCE = 1024


class Spans(NamedTuple):
    """Answers by their place; those of one question follow each other, the best first."""

    question: tf.Tensor  # int32[spans]
    score: tf.Tensor  # float64[spans]: start logit plus end logit
    start: tf.Tensor  # int32[spans]: characters into the context; -1 for the null answer
    end: tf.Tensor  # int32[spans]: characters, exclusive; -1 for the null answer

    def take(self, rows: tf.Tensor) -> "Spans":
        """Some of the spans."""
        return Spans(*(tf.gather(field, rows) for field in self))

    def where(self, kept: tf.Tensor) -> "Spans":
        """Those for which `kept`, bool[spans], is true."""
        return Spans(*(tf.boolean_mask(field, kept) for field in self))


class NBest(NamedTuple):
    """The best answers, best first; rows are filled up with "", -1, -1 and probability 0."""

    answer: tf.Tensor  # string[questions, 21]
    start: tf.Tensor  # int32[questions, 21]
    end: tf.Tensor  # int32[questions, 21]
    probability: tf.Tensor  # float32[questions, 21]


def best_spans(request: Request, windows: Windows, places: Places) -> Spans:
    """The 20 best spans of each question with different texts.

    Args:
        request: of the windows.
        windows: all of the request.
        places: of the windows.
    """
    compare = _TextComparison(request)
    count = tf.size(windows.question)

    def add_windows(begin: tf.Tensor, best: Spans) -> tuple[tf.Tensor, Spans]:
        rows = tf.range(begin, tf.minimum(begin + _WINDOWS_AT_ONCE, count))
        found = _allowed_spans(request, windows.take(rows), _take(places, rows))
        # Before those of later windows: of equal scores the first window's comes first.
        merged = Spans(*(tf.concat(pair, 0) for pair in zip(best, found, strict=True)))
        unique = compare.first_of_each_text(_best_first(merged))
        return begin + tf.size(rows), unique.where(_ranks(unique.question) < N_BEST)

    none = tf.zeros([0], tf.int32)
    unknown = tf.TensorShape([None])
    _, best = tf.while_loop(
        lambda begin, _: begin < count,
        add_windows,
        (tf.constant(0), Spans(none, tf.zeros([0], tf.float64), none, none)),
        (tf.TensorShape([]), Spans(unknown, unknown, unknown, unknown)),
        parallel_iterations=1,
    )
    return best


def _take(places: Places, rows: tf.Tensor) -> Places:
    return Places(*(tf.gather(field, rows) for field in places))


def _allowed_spans(request: Request, windows: Windows, places: Places) -> Spans:
    """All spans that the rules allow, by window, start and end."""
    start, end = places.start[:, :, tf.newaxis], places.end[:, tf.newaxis, :]
    length = end - start + 1  # [windows, 20, 20]
    allowed = (start >= 0) & (end >= 0) & (length >= 1) & (length <= MAX_ANSWER_TOKENS)
    window, start_rank, end_rank = tf.unstack(tf.cast(tf.where(allowed), tf.int32), axis=1)
    start_index = tf.stack([window, start_rank], axis=1)
    end_index = tf.stack([window, end_rank], axis=1)
    score = double(tf.gather_nd(places.start_logit, start_index))
    score += double(tf.gather_nd(places.end_logit, end_index))
    question = tf.gather(windows.question, window)
    row_starts = tf.cast(request.starts.row_starts(), tf.int32)
    first = tf.gather(row_starts, tf.gather(request.context, question))
    start = tf.gather(request.starts.flat_values, first + tf.gather_nd(places.start, start_index))
    end = tf.gather(request.ends.flat_values, first + tf.gather_nd(places.end, end_index))
    return Spans(question, score, start, end)


def _best_first(spans: Spans) -> Spans:
    """Sorts by question, then by falling score; equal scores keep their order."""
    by_score = tf.argsort(spans.score, direction="DESCENDING", stable=True)
    by_question = tf.argsort(tf.gather(spans.question, by_score), stable=True)
    return spans.take(tf.gather(by_score, by_question))


class _TextComparison:
    """Finds spans with equal text, without making the texts of all."""

    def __init__(self, request: Request):
        self._request = request
        code_points = tf.cast(request.characters.flat_values, tf.int64)
        self._sums = tf.concat([[0], tf.cumsum(code_points)], 0)  # [characters + 1]

    def first_of_each_text(self, spans: Spans) -> Spans:
        """Of a question's spans with equal text, the first one."""
        key = self._rough_key(spans)
        _, group, sizes = tf.unique_with_counts(key)
        alike = tf.where(tf.gather(sizes, group) > 1)  # [k, 1]
        exact = [tf.gather_nd(key, alike), texts(self._request, spans.take(alike[:, 0]))]
        key = tf.tensor_scatter_nd_update(key, alike, tf.strings.join(exact, " "))
        distinct, group = tf.unique(key)  # numbered in the order of their first places
        rows = tf.range(tf.size(group))
        return spans.take(tf.math.unsorted_segment_min(rows, group, tf.size(distinct)))

    def _rough_key(self, spans: Spans) -> tf.Tensor:
        """Question, number of characters and sum of code points: string[spans]."""
        first = _first_characters(self._request, spans)
        total = tf.gather(self._sums, first + spans.end) - tf.gather(
            self._sums, first + spans.start
        )
        numbers = (spans.question, spans.end - spans.start, total)
        return tf.strings.join([tf.strings.as_string(number) for number in numbers], " ")


def texts(request: Request, spans: Spans) -> tf.Tensor:
    """The spans' texts; "" for the null answer: string[spans]."""
    first = _first_characters(request, spans)
    places = tf.ragged.range(first + spans.start, first + spans.end)
    return tf.strings.unicode_encode(tf.gather(request.characters.flat_values, places), "UTF-8")


def _first_characters(request: Request, spans: Spans) -> tf.Tensor:
    """Where the spans' contexts begin among the characters of all: int32[spans]."""
    row_starts = tf.cast(request.characters.row_starts(), tf.int32)
    return tf.gather(row_starts, tf.gather(request.context, spans.question))


def n_best(request: Request, best: Spans, null_score: tf.Tensor | None) -> NBest:
    """The 20 best answers of each question, with a softmax over them.

    Args:
        request: of the spans.
        best: from `best_spans`.
        null_score: float64[questions], for models that may find no answer: the null answer takes
            part, and where 20 spans are better it is the 21st, as in `run_squad.py`. None for
            SQuAD v1.1.
    """
    count = tf.size(request.context)
    if null_score is not None:
        nowhere = tf.fill([count], -1)
        null = Spans(tf.range(count), null_score, nowhere, nowhere)
        merged = Spans(*(tf.concat(pair, 0) for pair in zip(best, null, strict=True)))
        best = _best_first(merged)
        best = best.where((_ranks(best.question) < N_BEST) | (best.start < 0))
    index = tf.stack([best.question, _ranks(best.question)], axis=1)

    def table(values: tf.Tensor, filler: str | int | float) -> tf.Tensor:
        empty = tf.fill([count, N_BEST + 1], tf.constant(filler, values.dtype))
        return tf.tensor_scatter_nd_update(empty, index, values)

    return NBest(
        answer=table(texts(request, best), ""),
        start=table(best.start, -1),
        end=table(best.end, -1),
        probability=table(_softmax(best, count), 0.0),
    )


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
