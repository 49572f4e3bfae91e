"""The blocks of a job, for worker processes that share a disk: taken while sources are still read.

Between the steps of a pipeline Beam waits until all is done. With one archive to read that would
leave all workers but one idle, so on one machine they help themselves instead.
"""

import os
import time
from collections.abc import Iterable, Iterator

from preprocessing.blocks import Block

_INTERVAL_S = 0.005  # between looks at a queue without blocks


class BlockQueue:
    """Empty files in the job's work folder: who makes or removes one first has what it names.

    Args:
        work: local folder.
    """

    def __init__(self, work: str):
        self._work = work
        self._ready = os.path.join(work, "queue")
        os.makedirs(self._ready, exist_ok=True)

    def claim(self, source: int) -> bool:
        """Whether this worker is the one to read a source, named by its number."""
        try:
            self._mark(f"reading-{source}")
        except FileExistsError:
            return False
        return True

    def fill(self, source: int, blocks: Iterable[Block]) -> None:
        """Offers the blocks of a source as they are written; the end also where reading fails."""
        try:
            for block in blocks:
                self._mark(f"{os.path.basename(block.path)}.{block.elements}")
        finally:
            self._mark(f"end-{source}")

    def take(self, sources: int) -> Iterator[Block]:
        """Blocks that no other worker has taken, until all sources are read and none is left."""
        while True:
            # Asked first: a source's last block comes before its end.
            has_ended = sum(name.startswith("end-") for name in os.listdir(self._ready)) == sources
            block = self._take()
            if block:
                yield block
            elif has_ended:
                return
            else:
                time.sleep(_INTERVAL_S)

    def _take(self) -> Block | None:
        for name in os.listdir(self._ready):
            block, dot, elements = name.partition(".")
            if dot and self._remove(name):
                return Block(os.path.join(self._work, block), int(elements))
        return None

    def _mark(self, name: str) -> None:
        open(os.path.join(self._ready, name), "x").close()

    def _remove(self, name: str) -> bool:
        try:
            os.unlink(os.path.join(self._ready, name))
        except FileNotFoundError:
            return False
        return True
