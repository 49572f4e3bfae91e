"""Which fields of a line of history.jsonl measure the model, and of which split."""

from collections.abc import Mapping, Sequence
from typing import Any

SPLITS = ("train", "validation")

Lines = Sequence[Mapping[str, Any]]


def split_measures(line: Mapping[str, Any], split: str) -> dict[str, float]:
    """What an epoch's line measures on a split.

    Args:
        line: fields that start with "train_" or "validation_" are measures.
        split: "train" or "validation".

    Returns:
        Measure, such as "loss" -> value.
    """
    start = f"{split}_"
    return {k.removeprefix(start): value for k, value in line.items() if k.startswith(start)}


def epoch_measures(line: Mapping[str, Any]) -> dict[str, float]:
    """The measures of both splits by their field, training first."""
    return {
        f"{split}_{name}": value
        for split in SPLITS
        for name, value in split_measures(line, split).items()
    }
