"""Sources cut into blocks: files in the job's work folder that any worker can take.

Only their names travel between the steps of the pipeline, so no runner ever holds the corpus.
"""

import dataclasses
import pickle
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from preprocessing import files, storage

BLOCK_SIZE = 2 << 20  # characters of text: some 1,500 reviews; a worker holds one block at a time


class Sized(Protocol):
    """An element of a source."""

    @property
    def size(self) -> int:
        """Characters of text that it holds."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of a source."""

    path: str
    elements: int


def write_blocks(
    elements: Iterable[Sized], folder: str, block_size: int | None = None
) -> Iterator[Block]:
    """Cuts a stream of elements into files of about `block_size` characters (`BLOCK_SIZE`)."""
    limit = block_size or BLOCK_SIZE
    held: list[Sized] = []
    size = 0
    for element in elements:
        held.append(element)
        size += element.size
        if size >= limit:
            yield _write_block(held, folder)
            held, size = [], 0
    if held:
        yield _write_block(held, folder)


def _write_block(elements: list[Sized], folder: str) -> Block:
    # A new name each time: a runner may try a source twice, and must not mix the tries.
    path = storage.join(folder, f"block-{uuid.uuid4().hex}")
    with storage.create(path) as file:
        pickle.dump(elements, file, pickle.HIGHEST_PROTOCOL)
    return Block(path, len(elements))


def read_block(block: Block) -> list[Any]:
    """The elements of a block that this job has written."""
    with files.open_file(block.path) as file:
        return pickle.load(file)
