"""Answers as JSON lines."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from serving.batch.handler import Answers
from serving.batch.rows import Row
from serving.signature_contract import contract_of

# The place of an output in its line, whatever order a process's protobuf map has them in.
_PLACES = {
    name: place
    for place, name in enumerate(
        name
        for task, labels in (("imdb", 2), ("imdb", 3), ("squad", 0))
        for name in contract_of(task, labels)["serving_default"][1]
    )
}


class NotFiniteError(ValueError):
    """A number that JSON does not have."""


def to_line(row: Row, answers: Answers, n_best: int) -> bytes:
    """One line of output, with its end.

    Args:
        row: what was asked.
        answers: of `serving_default`, and of `nbest` if `n_best` is not 0.
        n_best: answers to list besides the served one; places that are not filled are left out.

    Raises:
        NotFiniteError: the model gave infinity or no number.
    """
    served = answers["serving_default"]
    content: dict[str, Any] = {"id": row.id}
    content |= {name: _plain(served[name]) for name in sorted(served, key=_place)}
    if n_best:
        content["nbest"] = list(_n_best(answers["nbest"], n_best))
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _place(name: str) -> tuple[int, str]:
    """Outputs of the contract in its order, then those of other models by name."""
    return _PLACES.get(name, len(_PLACES)), name


def _n_best(table: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    columns = {name: table[name] for name in ("answer", "start", "end", "probability")}
    for i in range(min(count, len(columns["probability"]))):
        if columns["probability"][i] > 0:
            yield {name: _plain(values[i]) for name, values in columns.items()}


def _plain(value: Any) -> Any:
    """A value of an array as JSON has it; a float32 is its shortest decimal."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value]
    if isinstance(value, np.floating):
        if not math.isfinite(value):
            raise NotFiniteError(f"the model gave {value}")
        return float(str(value))
    return value.item()
