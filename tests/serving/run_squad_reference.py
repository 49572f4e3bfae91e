"""The n-best rules of google-research/bert's `run_squad.py`, in plain Python over Python floats.

Written from the algorithm, not from `serving/span_graph.py`: features one by one, dictionaries
and sorts instead of tensors.
"""

import collections
import math

Candidate = collections.namedtuple("Candidate", "text start end score")


def doc_spans(num_tokens, room, stride):
    """(start, length) of each window over the context's tokens."""
    spans, offset = [], 0
    while offset < num_tokens:
        length = min(num_tokens - offset, room)
        spans.append((offset, length))
        if offset + length == num_tokens:
            break
        offset += min(length, stride)
    return spans or [(0, 0)]


def is_max_context(spans, index, position):
    """Whether window `index` gives the token at `position` the most context."""
    best_score, best_index = None, None
    for i, (start, length) in enumerate(spans):
        end = start + length - 1
        if position < start or position > end:
            continue
        score = min(position - start, end - position) + 0.01 * length
        if best_score is None or score > best_score:
            best_score, best_index = score, i
    return index == best_index


def best_indices(logits, n_best):
    order = sorted(range(len(logits)), key=lambda i: logits[i], reverse=True)
    return order[:n_best]


def answers(context, offsets, spans, prefix_length, logits, *, n_best, max_tokens, with_null):
    """The n-best list of one question.

    Args:
        context: the text.
        offsets: (start, end) in characters of each context token.
        spans: from `doc_spans`.
        prefix_length: tokens before the context in each window.
        logits: per window, (start logits, end logits) without padding.
        n_best: how many.
        max_tokens: longest answer.
        with_null: whether "no answer" takes part.

    Returns:
        ([(text, start, end, probability)], null score, best score of a span or None)
    """
    candidates, null_score = [], math.inf
    for index, (start_logits, end_logits) in enumerate(logits):
        first, length = spans[index]
        null_score = min(null_score, start_logits[0] + end_logits[0])
        for start_index in best_indices(start_logits, n_best):
            for end_index in best_indices(end_logits, n_best):
                start, end = start_index - prefix_length, end_index - prefix_length
                if not (0 <= start < length and 0 <= end < length):
                    continue
                if not is_max_context(spans, index, first + start):
                    continue
                if end < start or end - start + 1 > max_tokens:
                    continue
                left, right = offsets[first + start][0], offsets[first + end][1]
                score = start_logits[start_index] + end_logits[end_index]
                candidates.append(Candidate(context[left:right], left, right, score))
    best_score = max((candidate.score for candidate in candidates), default=None)
    if with_null:
        candidates.append(Candidate("", -1, -1, null_score))
    chosen = []
    for candidate in sorted(candidates, key=lambda each: each.score, reverse=True):
        if len(chosen) == n_best:
            break
        if candidate.text not in {each.text for each in chosen}:
            chosen.append(candidate)
    if with_null and all(each.start >= 0 for each in chosen):
        chosen.append(Candidate("", -1, -1, null_score))
    total = sum(math.exp(each.score) for each in chosen)
    rows = [(each.text, each.start, each.end, math.exp(each.score) / total) for each in chosen]
    return rows, null_score, best_score
