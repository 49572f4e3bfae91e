"""Parts of the examples that are looked at apart: by length, label, question word and the like."""

import bisect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from serving.evaluation.examples import AskedQuestion, LabelledText

_TEXT_EDGES = (250, 500, 1000, 2000, 4000)  # characters
_CONTEXT_EDGES = (500, 1000, 2000, 5000, 20000)
_QUESTION_EDGES = (40, 60, 80, 120)
MOST_ANSWERS = 5
MOST_LABELS = 50  # that get a slice each
_WORDS = {
    **{word: word for word in ("what", "when", "where", "why", "how", "which", "who")},
    **{"whom": "who", "whose": "who", "who's": "who", "what's": "what", "where's": "where"},
    **{"when's": "when", "how's": "how"},
}
QUESTION_WORDS = ("who", "what", "when", "where", "why", "how", "which", "other")
_NONE, _OTHER = "no answer", "other"


def text_slices(example: LabelledText, labels: Sequence[str]) -> dict[str, str]:
    """The dimension's name -> the slice that a text is in."""
    slices = {"length in characters": _bucket(len(example.text), _TEXT_EDGES)}
    if len(labels) <= MOST_LABELS:
        slices["label"] = labels[example.label]
    return slices


def question_slices(example: AskedQuestion) -> dict[str, str]:
    """The same of a question."""
    answers = len(example.answers)
    number = f"{answers}" if answers < MOST_ANSWERS else f"{MOST_ANSWERS} or more"
    return {
        "question word": question_word(example.question),
        "answer": "has an answer" if answers else _NONE,
        "context in characters": _bucket(len(example.context), _CONTEXT_EDGES),
        "question in characters": _bucket(len(example.question), _QUESTION_EDGES),
        "annotated answers": number,
    }


def question_word(question: str) -> str:
    """The first word that asks, anywhere in an English question: "in which year" is which."""
    words = re.findall(r"[\w'’]+", question.lower().replace("’", "'"))
    return next((_WORDS[word] for word in words if word in _WORDS), _OTHER)


def _bucket(size: int, edges: Sequence[int]) -> str:
    place = bisect.bisect_right(edges, size)
    if place == 0:
        return f"under {edges[0]:,}"
    if place == len(edges):
        return f"{edges[-1]:,} and more"
    return f"{edges[place - 1]:,} to {edges[place] - 1:,}"


def sort_key(dimension: str, name: str) -> tuple[Any, ...]:
    """Puts the slices of a dimension in a reader's order."""
    if dimension == "question word":
        return (QUESTION_WORDS.index(name),)
    if dimension == "answer":
        return (name == _NONE,)
    first = re.match(r"[\d,]+", name.removeprefix("under "))
    if dimension == "label" or not first:
        return (name,)
    return (not name.startswith("under"), int(first[0].replace(",", "")))


class SliceColumns:
    """Which slices each example is in: for each dimension a number for each example."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        self._columns: dict[str, bytearray] = {}

    def add(self, slices: Mapping[str, str]) -> None:
        """Adds an example."""
        for dimension, name in slices.items():
            numbers = self._numbers.setdefault(dimension, {})
            # At most MOST_LABELS or so: a byte is enough.
            number = numbers.setdefault(name, len(numbers))
            self._columns.setdefault(dimension, bytearray()).append(number)

    def summaries(self, summary: Callable[[np.ndarray], Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Each slice with what `summary` gives for the places of its examples."""
        found = []
        for dimension, numbers in self._numbers.items():
            column = np.frombuffer(self._columns[dimension], np.uint8)
            for name in sorted(numbers, key=lambda name: sort_key(dimension, name)):
                rows = np.flatnonzero(column == numbers[name])
                found.append({"slice": dimension, "name": name, "count": len(rows)})
                found[-1] |= summary(rows)
        return found
