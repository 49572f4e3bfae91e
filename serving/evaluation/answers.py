"""Answers from the n-best table, as the default signature gives them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

# alias -> array; those of `nbest` are [batch, 20], but null_odds, which is [batch]
Table = Mapping[str, np.ndarray]
COLUMNS = ("answer", "start", "end", "probability")


class Answer(NamedTuple):
    """What a model says to one question."""

    text: str  # "" when it gives no answer
    start: int  # characters into the context; -1 when it gives none
    probability: float  # softmax over the n-best answers
    null_odds: float
    span: str  # the best answer but for "no answer"; "" when there is none
    n_best: list[dict[str, Any]]  # text, start, end, probability of each, best first


def served_answers(table: Table, threshold: float | None) -> dict[str, np.ndarray]:
    """What `serving_default` gives, from what `nbest` gives for the same inputs.

    Args:
        table: the outputs of `nbest`.
        threshold: of the export, for the null odds; None where there always is an answer.

    Returns:
        alias -> [batch], with the aliases of `serving_default`.
    """
    table = _with_null(table)
    is_null = table["start"] < 0
    place = np.argmax(~is_null, axis=1)  # where there is no span, the first, which is null
    if threshold is not None:
        place = np.where(table["null_odds"] > threshold, np.argmax(is_null, axis=1), place)
    rows = np.arange(len(place))
    served = {alias: table[alias][rows, place] for alias in COLUMNS}
    return {**served, "null_odds": table["null_odds"]}


def _with_null(table: Table) -> Table:
    """Appends the null answer, which is the 21st where 20 spans are better, with what the
    softmax leaves for it."""
    rows = len(table["start"])
    left = 1.0 - table["probability"].sum(axis=1, dtype=np.float64)
    null = {"answer": b"", "start": -1, "end": -1, "probability": left.clip(0.0)}
    columns = {
        alias: np.broadcast_to(np.asarray(value, table[alias].dtype), rows)[:, np.newaxis]
        for alias, value in null.items()
    }
    return {**table, **{a: np.concatenate([table[a], columns[a]], axis=1) for a in columns}}


def difference(served: Table, asked: Table) -> str:
    """How what was derived differs from what the default signature gave; "" when it does not."""
    for alias in ("answer", "start", "end"):
        for derived, given in zip(served[alias].tolist(), asked[alias].tolist(), strict=True):
            if derived != given:
                return f"{alias} {given!r} of serving_default is {derived!r} by nbest"
    for alias in ("probability", "null_odds"):
        gap = float(np.abs(served[alias] - asked[alias]).max(initial=0.0))
        if not gap <= 1e-4:
            return f"{alias} of serving_default and of nbest are {gap:g} apart"
    return ""


def answers_of(served: Table, table: Table) -> list[Answer]:
    """One for each question of a batch."""
    return [
        Answer(
            text=_text(served["answer"][row]),
            start=int(served["start"][row]),
            probability=float(served["probability"][row]),
            null_odds=float(served["null_odds"][row]),
            span=next((entry["text"] for entry in entries if entry["start"] >= 0), ""),
            n_best=entries,
        )
        for row, entries in enumerate(_n_best(table))
    ]


def _n_best(table: Table) -> Iterator[list[dict[str, Any]]]:
    """The filled places of each question's row."""
    for row in zip(*(table[alias] for alias in COLUMNS), strict=True):
        yield [
            {
                "text": _text(answer),
                "start": int(start),
                "end": int(end),
                "probability": float(probability),
            }
            for answer, start, end, probability in zip(*row, strict=True)
            if probability > 0
        ]


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8")
