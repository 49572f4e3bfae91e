"""The best answer of each window, by the rules of google-research/bert's `run_squad.py`.

The 20 best starts and ends of a window, spans of at most 30 tokens inside the context, that begin
where the window is the token's `is_max_context` one. All windows at once, in NumPy.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

N_BEST = 20
MAX_ANSWER_TOKENS = 30

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Windows:
    """The windows of a split, each int64[windows].

    Attributes:
        question: the number of its question.
        number: 0, 1, … within the question.
        count: the windows of its question.
        offset: tokens before its context.
        length: tokens of its context.
        room: tokens of context that the question's windows have room for.
        step: tokens from one window's start to the next.
    """

    question: np.ndarray
    number: np.ndarray
    count: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    room: np.ndarray
    step: np.ndarray


def describe_windows(
    question: np.ndarray,
    number: np.ndarray,
    offset: np.ndarray,
    total: np.ndarray,
    max_seq_length: int,
    doc_stride: int,
) -> Windows:
    """What follows from the records about how the windows lie in their contexts.

    Args:
        question: int[windows], the number of its question.
        number: int[windows], 0, 1, … within the question.
        offset: int[windows], tokens before the context: `[CLS]`, the question, `[SEP]`.
        total: int[windows], all tokens.
        max_seq_length: tokens that a window has room for.
        doc_stride: tokens from one window's start to the next, unless there is room for fewer.
    """
    room = max_seq_length - offset - 1
    return Windows(
        question=question.astype(np.int64),
        number=number.astype(np.int64),
        count=np.bincount(question)[question],
        offset=offset.astype(np.int64),
        length=total.astype(np.int64) - offset - 1,
        room=room.astype(np.int64),
        step=np.minimum(room, doc_stride).astype(np.int64),
    )


def is_max_context(windows: Windows, token: np.ndarray) -> np.ndarray:
    """Whether a window shows a token with the most context of all windows of its question.

    That is the least number of tokens to its left or right, plus 0.01 per token of the window; of
    equals the first window.

    Args:
        windows: of the questions.
        token: int[windows, n], places in the context of each window.

    Returns:
        bool[windows, n]; without meaning where a token is not in its window.
    """
    own = _context_score(token, windows.length[:, None])
    is_best = np.ones(token.shape, bool)
    last_length = _last_lengths(windows)
    reach = _reach(windows)
    for distance in (d for d in range(-reach, reach + 1) if d):
        other = windows.number + distance
        there = (other >= 0) & (other < windows.count)
        length = np.where(other == windows.count - 1, last_length, windows.room)[:, None]
        place = token - distance * windows.step[:, None]
        covers = there[:, None] & (place >= 0) & (place < length)
        score = _context_score(place, length)
        is_best &= ~(covers & (score >= own if distance < 0 else score > own))
    return is_best


def _context_score(token: np.ndarray, length: np.ndarray) -> np.ndarray:
    return np.minimum(token, length - 1 - token) + 0.01 * length


def _last_lengths(windows: Windows) -> np.ndarray:
    """The tokens of the context of each question's last window: int64[windows]."""
    last = windows.number == windows.count - 1
    by_question = np.zeros(windows.question.max() + 1, np.int64)
    by_question[windows.question[last]] = windows.length[last]
    return by_question[windows.question]


def _reach(windows: Windows) -> int:
    """How many windows on may still show a token of a window."""
    overlap = (windows.room - 1) // windows.step
    return int(np.minimum(overlap, windows.count - 1).max())


def best_spans(windows: Windows, predictions: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best span of each window.

    Args:
        windows: of a split.
        predictions: "starts", "ends", "start_values" and "end_values" of
            `metrics.row_predictions`, each [windows, 20].

    Returns:
        Score, float64[windows], -inf where there is no span; first and last token, each
        int64[windows], places in the window's token_ids, inclusive.
    """
    start, end = (predictions[name] - windows.offset[:, None] for name in ("starts", "ends"))
    start_ok, end_ok = ((t >= 0) & (t < windows.length[:, None]) for t in (start, end))
    start_ok &= is_max_context(windows, start)
    start_values, end_values = (
        predictions[name].astype(np.float64) for name in ("start_values", "end_values")
    )
    rows = np.arange(len(start))
    best = np.full(len(rows), -np.inf)
    first, last = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for rank in range(start.shape[1]):  # of equal scores the first one wins, as in a stable sort
        tokens = end - start[:, rank, None] + 1
        allowed = start_ok[:, rank, None] & end_ok & (tokens >= 1) & (tokens <= MAX_ANSWER_TOKENS)
        scores = np.where(allowed, start_values[:, rank, None] + end_values, -np.inf)
        found = scores.argmax(axis=1)
        better = scores[rows, found] > best
        best = np.where(better, scores[rows, found], best)
        first = np.where(better, predictions["starts"][:, rank], first)
        last = np.where(better, predictions["ends"][rows, found], last)
    return best, first, last


def best_windows(windows: Windows, score: np.ndarray) -> np.ndarray:
    """The window with the highest score of each question, of equals the first: int64[questions]."""
    order = np.lexsort((windows.number, -score, windows.question))
    _, first = np.unique(windows.question[order], return_index=True)
    return order[first]
