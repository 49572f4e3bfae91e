"""External sort: sorted runs in files, merged group by group with little memory."""

import dataclasses
import heapq
import io
import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from preprocessing import files, storage

# What belongs together: (kind, split, number), e.g. ("records", "train", 3).
Group = tuple[str, str, int]
# Entries are sorted by key, then by payload.
Entry = tuple[bytes, bytes]

MAX_MERGED = 128  # slices that are open at once
_READ_SIZE = 1 << 18  # bytes of a slice that are held
_SIZES = struct.Struct("<HI")  # bytes of key and payload


@dataclasses.dataclass(frozen=True)
class Slice:
    """The sorted entries of one group in one run."""

    path: str
    offset: int  # bytes
    length: int  # bytes


def write_run(groups: Mapping[Group, list[Entry]], folder: str) -> list[tuple[Group, Slice]]:
    """Sorts the entries of each group and writes them to one new file."""
    path = storage.join(folder, f"run-{uuid.uuid4().hex}")
    slices = []
    offset = 0
    with storage.create(path) as file:
        for group, entries in sorted(groups.items()):
            content = _packed(sorted(entries))
            file.write(content)
            slices.append((group, Slice(path, offset, len(content))))
            offset += len(content)
    return slices


def merged(slices: Iterable[Slice], folder: str) -> Iterator[Entry]:
    """The entries of all slices in order.

    Args:
        slices: of one group.
        folder: for the runs between, when there are more slices than can be open at once.
    """
    left = sorted(slices, key=lambda entry: (entry.path, entry.offset))
    while len(left) > MAX_MERGED:
        left = [
            _write_merged(left[start : start + MAX_MERGED], folder)
            for start in range(0, len(left), MAX_MERGED)
        ]
    return heapq.merge(*map(_read_slice, left))


def _write_merged(slices: list[Slice], folder: str) -> Slice:
    path = storage.join(folder, f"run-{uuid.uuid4().hex}")
    length = 0
    with storage.create(path) as file:
        for entry in heapq.merge(*map(_read_slice, slices)):
            length += file.write(_packed([entry]))
    return Slice(path, 0, length)


def read_payloads(slices: Iterable[Slice]) -> bytes:
    """All payloads of a group that is small, one after the other."""
    return b"".join(payload for entry in slices for _, payload in _read_slice(entry))


def _packed(entries: Iterable[Entry]) -> bytes:
    parts: list[bytes] = []
    for key, payload in entries:
        parts += (_SIZES.pack(len(key), len(payload)), key, payload)
    return b"".join(parts)


def _read_slice(entry: Slice) -> Iterator[Entry]:
    with files.open_file(entry.path) as file:
        file.seek(entry.offset)
        source = io.BufferedReader(_Limited(file, entry.length), _READ_SIZE)
        while head := source.read(_SIZES.size):
            key_size, size = _SIZES.unpack(head)
            content = source.read(key_size + size)
            yield content[:key_size], content[key_size:]


class _Limited(io.RawIOBase):
    """The next `length` bytes of a file."""

    def __init__(self, file: Any, length: int):
        super().__init__()
        self._file, self._left = file, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(min(len(buffer), self._left))
        buffer[: len(content)] = content
        self._left -= len(content)
        return len(content)
