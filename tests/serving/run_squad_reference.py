"""The n-best rules of google-research/bert's `run_squad.py`, in plain Python over Python floats.

Written from the algorithm (`convert_examples_to_features` and `write_predictions`), not from
`serving`: features one by one, dictionaries and sorts instead of tensors. Where Bertline differs on
purpose, so does this (`docs/formats.md`): the text of an answer is a slice of the context, where
`get_final_text` looks for it; the logits are those of tokens, where `run_squad.py` lets padding
take places among the best; and a question without any span has the answer "", where `run_squad.py`
writes "empty" (v1.1) or stops with an error (v2.0).
"""

import collections
import math

Candidate = collections.namedtuple("Candidate", "text start end score")
# entries: [(text, start, end, probability)], best first; answer: one of them, as it is served.
Prediction = collections.namedtuple("Prediction", "entries answer null_odds")

NULL = ("", -1, -1)


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
    """Of equal logits the first."""
    order = sorted(range(len(logits)), key=lambda i: logits[i], reverse=True)
    return order[:n_best]


def predict(
    context, offsets, spans, prefix_length, logits, *, n_best=20, max_tokens=30, threshold=None
):
    """The n-best list of one question, and its answer.

    Args:
        context: the text.
        offsets: (start, end) in characters of each context token.
        spans: from `doc_spans`.
        prefix_length: tokens before the context in each window.
        logits: per window, (start logits, end logits) as Python floats, without padding.
        n_best: how many.
        max_tokens: longest answer.
        threshold: null_score_diff_threshold; None for v1.1, where "no answer" takes no part.
    """
    null_score = min(starts[0] + ends[0] for starts, ends in logits)
    candidates = []
    for index, (start_logits, end_logits) in enumerate(logits):
        first, length = spans[index]
        end_indices = best_indices(end_logits, n_best)
        for start_index in best_indices(start_logits, n_best):
            start = start_index - prefix_length
            if not 0 <= start < length or not is_max_context(spans, index, first + start):
                continue
            for end_index in end_indices:
                end = end_index - prefix_length
                if not 0 <= end < length or end < start or end - start + 1 > max_tokens:
                    continue
                left, right = offsets[first + start][0], offsets[first + end][1]
                score = start_logits[start_index] + end_logits[end_index]
                candidates.append(Candidate(context[left:right], left, right, score))
    if threshold is not None:
        candidates.append(Candidate(*NULL, null_score))
    chosen: list[Candidate] = []
    seen = set()
    for candidate in sorted(candidates, key=lambda each: each.score, reverse=True):
        if len(chosen) == n_best:
            break
        if candidate.start >= 0 and candidate.text in seen:
            continue
        seen.add(candidate.text)
        chosen.append(candidate)
    if threshold is not None and "" not in seen:
        chosen.append(Candidate(*NULL, null_score))
    entries = [
        (each.text, each.start, each.end, probability)
        for each, probability in zip(chosen, softmax([each.score for each in chosen]), strict=True)
    ]
    best = next((i for i, each in enumerate(chosen) if each.text), None)
    null_odds = null_score - (0.0 if best is None else chosen[best].score)
    if threshold is not None and (best is None or null_odds > threshold):
        best = next(i for i, each in enumerate(chosen) if not each.text)
    answer = (*NULL, 0.0) if best is None else entries[best]
    return Prediction(entries, answer, null_odds)


def softmax(scores):
    """`_compute_softmax`: less the greatest score, so that nothing overflows."""
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]
