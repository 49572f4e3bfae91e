"""The most confident of the errors, with enough of the text to judge them."""

import heapq
from typing import Any

from serving.evaluation.examples import AskedQuestion

KEPT = 25
_EXCERPT = 300  # characters


class MostWrong:
    """Holds the `KEPT` entries with the highest probability."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, dict[str, Any]]] = []
        self._added = 0

    def add(self, probability: float, entry: dict[str, Any]) -> None:
        """Adds an error; of equals the first is kept."""
        self._added += 1
        heapq.heappush(self._heap, (probability, -self._added, entry))
        if len(self._heap) > KEPT:
            heapq.heappop(self._heap)

    def entries(self) -> list[dict[str, Any]]:
        """The most confident first."""
        return [entry for _, _, entry in sorted(self._heap, key=lambda item: item[:2])[::-1]]


def beginning(text: str) -> str:
    """What a text begins with."""
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def surroundings(question: AskedQuestion, start: int) -> str:
    """The context around an answer, or around the first annotated one where none is given."""
    if start < 0 and question.answers:
        start = question.context.find(question.answers[0])
    begin = max(0, start - _EXCERPT // 2)
    part = question.context[begin : begin + _EXCERPT]
    before = "…" if begin else ""
    after = "…" if begin + _EXCERPT < len(question.context) else ""
    return f"{before}{part}{after}"
