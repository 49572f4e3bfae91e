"""What travels through the pipelines, and the stable hashes that decide its place."""

import dataclasses
import hashlib


@dataclasses.dataclass(frozen=True)
class Record:
    """One record on its way to a shard."""

    split: str
    id: str
    window: int  # 0 for a review
    num_tokens: int
    serialized: bytes
    is_impossible: bool = False


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A source record that gives none, and why."""

    split: str
    source: str
    id: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Shard:
    """A shard that was written."""

    split: str
    name: str
    records: int
    examples: int
    tokens: int
    unanswerable: bool  # whether any record is of an impossible question
    lengths: dict[str, int]  # tokens, rounded up to a multiple of 32 -> records
    sha256: str  # over the serialized records


def stable_hash(text: str) -> int:
    """64 bits of SHA-256: the same in every process and Python version, unlike `hash`."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def split_of(key: str, validation_fraction: float) -> str:
    """ "train" or "validation", by a stable hash of the key alone."""
    return "validation" if stable_hash(f"split:{key}") / 2**64 < validation_fraction else "train"
