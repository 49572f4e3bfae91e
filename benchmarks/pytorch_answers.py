"""Answers from the logits of windows, and their scores, for `benchmarks.pytorch_training`.

As BERT's `run_squad.py` chooses and as the official script of SQuAD v1.1 counts. Imports nothing
of Bertline, so that the peer stands alone; and no PyTorch.
"""

import collections
import json
import pathlib
import re
import string
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.pytorch_data import Window

N_BEST = 20
MAX_ANSWER_LENGTH = 30  # in tokens


def best_answers(
    windows: Sequence[Window], logits: Sequence[tuple[np.ndarray, np.ndarray]]
) -> dict[str, str]:
    """The best span over all windows of each question.

    Args:
        windows: of all questions.
        logits: start and end of each window, float[tokens or more]; behind the window's tokens
            is padding.

    Returns:
        Question id -> text; "" where no span is allowed.
    """
    best: dict[str, tuple[float, str]] = {}
    for window, (start_logits, end_logits) in zip(windows, logits, strict=True):
        found = best.get(window.id, (float("-inf"), ""))
        best[window.id] = max(found, best_span(window, start_logits, end_logits), key=_score)
    return {key: text for key, (_, text) in best.items()}


def _score(candidate: tuple[float, str]) -> float:
    return candidate[0]


def best_span(
    window: Window, start_logits: np.ndarray, end_logits: np.ndarray
) -> tuple[float, str]:
    """The sum of logits, and the text, of a window's best span; (-inf, "") if none is allowed."""
    best, place = float("-inf"), None
    for start in np.argsort(-start_logits, kind="stable")[:N_BEST]:
        for end in np.argsort(-end_logits, kind="stable")[:N_BEST]:
            score = float(start_logits[start] + end_logits[end])
            if score > best and _is_allowed(window, start - window.first, end - window.first):
                best, place = score, (start - window.first, end - window.first)
    if place is None:
        return best, ""
    return best, window.context[window.offsets[place[0]][0] : window.offsets[place[1]][1]]


def _is_allowed(window: Window, start: int, end: int) -> bool:
    """Whether a span, in tokens of the window's context, may be an answer."""
    return (
        0 <= start <= end < len(window.offsets)
        and end - start < MAX_ANSWER_LENGTH
        and window.is_max_context[start]
    )


def squad_scores(path: str, answers: Mapping[str, str]) -> dict[str, float]:
    """Exact match and F1 in percent over all questions of a SQuAD v1.1 file."""
    document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    scores = [
        _scores(answers.get(entry["id"], ""), [answer["text"] for answer in entry["answers"]])
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    ]
    exact, overlap = np.mean(scores, axis=0) * 100.0
    return {"exact_match": float(exact), "f1": float(overlap), "total": len(scores)}


def _scores(answer: str, golds: Sequence[str]) -> tuple[float, float]:
    """The best exact match and the best F1 with one of the annotated answers."""
    words = _normalized(answer)
    exact = max(float(words == _normalized(gold)) for gold in golds)
    return exact, max(_f1(words, _normalized(gold)) for gold in golds)


def _f1(found: list[str], expected: list[str]) -> float:
    same = sum((collections.Counter(found) & collections.Counter(expected)).values())
    return 2.0 * same / (len(found) + len(expected)) if same else 0.0


def _normalized(text: str) -> list[str]:
    """The words of the official script: lower case, no punctuation, no articles."""
    bare = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()
