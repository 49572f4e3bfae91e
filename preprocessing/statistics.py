"""What is in the data: counts that blocks add up, and duplicates found by fingerprints."""

import collections
import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

SPLITS = ("train", "validation", "test")
PARTITIONS = 16  # the fingerprints of one are held in memory at once
LENGTH_BIN = 32  # tokens

# One text: what it is, where it stands and what it says. 2**-64 is the chance that two texts are
# taken for one: 1 in 4,000 for a hundred million texts.
FINGERPRINT = np.dtype([("text", "<u8"), ("split", "u1"), ("label", "<u2")])


def hash64(content: bytes) -> int:
    """64 bits of a text's BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())


def length_bin(num_tokens: int) -> int:
    """The number of tokens, rounded up to a multiple of 32."""
    return -(-num_tokens // LENGTH_BIN) * LENGTH_BIN


@dataclasses.dataclass
class SplitCounts:
    """Counts of one split, over some blocks."""

    examples: int = 0  # reviews or questions that gave records
    records: int = 0
    tokens: int = 0
    lengths: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)
    labels: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def add(self, num_tokens: int) -> None:
        """Counts a record."""
        self.records += 1
        self.tokens += num_tokens
        self.lengths[length_bin(num_tokens)] += 1

    def merge(self, other: "SplitCounts") -> None:
        """Adds another's counts to these."""
        self.examples += other.examples
        self.records += other.records
        self.tokens += other.tokens
        self.lengths += other.lengths
        self.labels += other.labels


@dataclasses.dataclass
class Counts:
    """Counts over some blocks; `read` is all that the source held, used or rejected."""

    read: int = 0
    splits: dict[str, SplitCounts] = dataclasses.field(default_factory=dict)
    rejected: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def of(self, split: str) -> SplitCounts:
        """The counts of a split, new ones if there are none."""
        return self.splits.setdefault(split, SplitCounts())

    def merge(self, other: "Counts") -> None:
        """Adds another's counts to these."""
        self.read += other.read
        self.rejected += other.rejected
        for split, counts in other.splits.items():
            self.of(split).merge(counts)


@dataclasses.dataclass
class Duplicates:
    """How often the same text stands in the data.

    Attributes:
        within: split -> copies beyond the first.
        between: "train+test" -> distinct texts in both.
        conflicting: distinct texts that stand there with more than one label.
    """

    within: dict[str, int] = dataclasses.field(default_factory=dict)
    between: dict[str, int] = dataclasses.field(default_factory=dict)
    conflicting: int = 0

    def merge(self, other: "Duplicates") -> None:
        """Adds the counts of other texts."""
        self.within = _summed(self.within, other.within)
        self.between = _summed(self.between, other.between)
        self.conflicting += other.conflicting


def _summed(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return dict(collections.Counter(first) + collections.Counter(second))


def fingerprints(rows: Iterable[tuple[int, str, int]]) -> np.ndarray:
    """(`hash64`, split, label) of each text -> an array of `FINGERPRINT`."""
    return np.array(
        [(text, SPLITS.index(split), label) for text, split, label in rows], FINGERPRINT
    )


def partitioned(prints: np.ndarray) -> Iterable[tuple[int, bytes]]:
    """Fingerprints by partition, so that equal texts meet in one."""
    number = (prints["text"] >> np.uint64(60)).astype(np.int64)
    for partition in np.unique(number):
        yield int(partition), prints[number == partition].tobytes()


def find_duplicates(packed: bytes) -> Duplicates:
    """Counts the duplicates among the fingerprints of a partition."""
    prints = np.sort(np.frombuffer(packed, FINGERPRINT), order=("text", "split", "label"))
    is_first = np.diff(prints["text"], prepend=~prints["text"][:1]) != 0
    text = np.cumsum(is_first) - 1  # which distinct text each is
    distinct = int(is_first.sum())
    in_split = [
        np.bincount(text[prints["split"] == code], minlength=distinct)
        for code in range(len(SPLITS))
    ]
    found = Duplicates()
    for name, counts in zip(SPLITS, in_split, strict=True):
        found.within[name] = int(np.maximum(counts - 1, 0).sum())
    for (a, first), (b, second) in itertools.combinations(zip(SPLITS, in_split, strict=True), 2):
        found.between[f"{a}+{b}"] = int(((first > 0) & (second > 0)).sum())
    (firsts,) = np.nonzero(is_first)
    lowest = np.minimum.reduceat(prints["label"], firsts) if distinct else np.zeros(0)
    highest = np.maximum.reduceat(prints["label"], firsts) if distinct else np.zeros(0)
    found.conflicting = int((lowest != highest).sum())
    return found


def as_json(counts: Any) -> dict[str, Any]:
    """A dataclass of counts without what is 0."""
    return {
        name: {key: value for key, value in sorted(field.items()) if value}
        if isinstance(field, dict)
        else field
        for name, field in dataclasses.asdict(counts).items()
    }
