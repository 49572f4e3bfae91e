"""What both tasks give the pipeline: elements of a source in, records out."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from preprocessing.records import Record, Rejected
from preprocessing.statistics import Counts

if TYPE_CHECKING:  # it imports TensorFlow, which only workers need
    from preprocessing.batch_tokenizer import BatchTokenizer


_making = threading.Lock()


@dataclasses.dataclass(frozen=True)
class TokenizerSpec:
    """Which tokeniser the workers need."""

    vocabulary: tuple[str, ...]  # tokens in the order of their ids
    lowercase: bool  # False for cased vocabularies

    def shared(self) -> BatchTokenizer:
        """This process's one, made by the first to ask: seconds, as it imports TensorFlow.

        The process that only starts a job never asks.
        """
        with _making:
            from preprocessing.batch_tokenizer import shared_tokenizer

            return shared_tokenizer(self.vocabulary, self.lowercase)


@dataclasses.dataclass
class Converted:
    """What became of some elements: each is counted in `counts.read` and in one other place."""

    records: list[Record] = dataclasses.field(default_factory=list)
    rejected: list[Rejected] = dataclasses.field(default_factory=list)
    counts: Counts = dataclasses.field(default_factory=Counts)
    fingerprints: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)  # by kind

    def reject(self, entry: Rejected) -> None:
        """Counts and keeps a rejected source record."""
        self.counts.read += 1
        self.counts.rejected[entry.reason] += 1
        self.rejected.append(entry)


class Converter(Protocol):
    """Turns the elements of a task's sources to records; pickled to the workers."""

    def convert(self, elements: list[Any], tokenizer: BatchTokenizer) -> Converted:
        """Elements of one block, `Rejected` ones among them."""
