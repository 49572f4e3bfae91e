"""What travels through the pipelines, and the stable hashes that decide its place."""

import dataclasses
import hashlib
from typing import NamedTuple


class Record(NamedTuple):
    """One record on its way to a shard."""

    split: str
    id: str
    window: int  # 0 for a review
    num_tokens: int
    serialized: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """A source record that gives none, and why."""

    split: str
    source: str
    id: str
    reason: str

    @property
    def size(self) -> int:
        """Characters that it takes in a block."""
        return len(self.source) + len(self.id)


class Place(NamedTuple):
    """What a record's id decides: the same in every process, unlike Python's `hash`."""

    shard: int  # 64 bits; modulo the number of shards
    order: bytes  # the first part of the sort key in the shard
    share: float  # in [0, 1), for splits


def place_of(key: str) -> Place:
    """64 bits each, of the SHA-256 of the key."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    share = int.from_bytes(digest[16:24]) / 2**64
    return Place(int.from_bytes(digest[:8]), digest[8:16], share)


def split_of(place: Place, validation_fraction: float) -> str:
    """ "train" or "validation", by the key's share alone."""
    return "validation" if place.share < validation_fraction else "train"
