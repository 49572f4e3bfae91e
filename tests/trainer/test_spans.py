"""trainer/spans.py against run_squad.py's rules in plain Python, on random logits."""

import time

import numpy as np
import pytest

from tests.serving import run_squad_reference as reference
from trainer.spans import (
    MAX_ANSWER_TOKENS,
    N_BEST,
    best_spans,
    best_windows,
    describe_windows,
    is_max_context,
)


def questions(seed, count=12):
    """Per question: (tokens before the context, doc_spans of the context)."""
    random = np.random.default_rng(seed)
    max_seq_length, doc_stride = int(random.integers(24, 60)), int(random.integers(1, 30))
    found = []
    for _ in range(count):
        offset, tokens = int(random.integers(3, 9)), int(random.integers(1, 120))
        room = max_seq_length - offset - 1
        found.append((offset, reference.doc_spans(tokens, room, doc_stride)))
    return max_seq_length, doc_stride, found


def windows_of(max_seq_length, doc_stride, found, order):
    rows = [
        (question, number, offset, offset + length + 1)
        for question, (offset, spans) in enumerate(found)
        for number, (_, length) in enumerate(spans)
    ]
    columns = np.array(rows)[order].T
    return describe_windows(*columns, max_seq_length, doc_stride)


def shuffled(found, seed):
    """Records do not lie in the order of the questions."""
    return np.random.default_rng(seed).permutation(sum(len(spans) for _, spans in found))


@pytest.mark.parametrize("seed", range(6))
def test_is_max_context_of_every_token(seed):
    max_seq_length, doc_stride, found = questions(seed)
    order = shuffled(found, seed)
    windows = windows_of(max_seq_length, doc_stride, found, order)
    tokens = np.tile(np.arange(max_seq_length), (len(order), 1))
    result = is_max_context(windows, tokens)
    for row, (question, number) in enumerate(zip(windows.question, windows.number, strict=True)):
        spans = found[question][1]
        first, length = spans[number]
        expected = [reference.is_max_context(spans, number, first + t) for t in range(length)]
        assert result[row, :length].tolist() == expected


def predictions(logits):
    """The 20 best of each window, ordered by a stable sort."""
    made = {}
    for name, values in (("start", logits[0]), ("end", logits[1])):
        best = [reference.best_indices(row, N_BEST) for row in values]
        best = [row + [10_000] * (N_BEST - len(row)) for row in best]  # not in any context
        made[f"{name}s"] = np.array(best)
        made[f"{name}_values"] = np.array(
            [
                [row[i] if i < len(row) else -1e9 for i in places]
                for row, places in zip(values, best, strict=True)
            ],
            np.float32,
        )
    return made


@pytest.mark.parametrize("seed", range(6))
def test_best_span_of_each_question(seed):
    max_seq_length, doc_stride, found = questions(seed)
    order = shuffled(found, seed)
    windows = windows_of(max_seq_length, doc_stride, found, order)
    random = np.random.default_rng(seed)
    totals = windows.offset + windows.length + 1
    # Few distinct values, so that there are ties, whose order is part of the rules.
    logits = [[random.integers(-9, 9, n).tolist() for n in totals] for _ in range(2)]
    score, first, last = best_spans(windows, predictions(logits))
    row_of = {
        (int(q), int(n)): row
        for row, (q, n) in enumerate(zip(windows.question, windows.number, strict=True))
    }
    for question, row in enumerate(best_windows(windows, score)):
        offset, spans = found[question]
        rows = [row_of[question, number] for number in range(len(spans))]
        # Each token is a character, so that places in characters are places in tokens.
        context = "".join(chr(0x4E00 + i) for i in range(200))
        found_logits = [(logits[0][r], logits[1][r]) for r in rows]
        expected = reference.predict(
            context,
            [(i, i + 1) for i in range(200)],
            spans,
            offset,
            found_logits,
            n_best=N_BEST,
            max_tokens=MAX_ANSWER_TOKENS,
        )
        if not expected.entries:
            assert score[row] == -np.inf
            continue
        null_score = min(starts[0] + ends[0] for starts, ends in found_logits)
        assert score[row] == null_score - expected.null_odds
        shift = spans[int(windows.number[row])][0] - offset
        assert (first[row] + shift, last[row] + shift + 1) == expected.answer[1:3]


def test_many_windows_take_little_time():
    # 12,000 windows of 384 tokens, as SQuAD's development set has them.
    number, question = np.tile(np.arange(3), 4000), np.repeat(np.arange(4000), 3)
    offset, total = np.full(12_000, 14), np.full(12_000, 384)
    windows = describe_windows(question, number, offset, total, 384, 128)
    random = np.random.default_rng(0)
    made = {name: random.integers(0, 384, (12_000, N_BEST)) for name in ("starts", "ends")}
    made |= {f"{n}_values": random.normal(size=(12_000, N_BEST)) for n in ("start", "end")}
    started = time.process_time()
    assert np.isfinite(best_spans(windows, made)[0]).mean() > 0.9
    assert time.process_time() - started < 5.0
