"""One run that waits for its batch, whole or in pieces."""

import itertools
import threading
import time
from collections.abc import Iterable

import numpy as np

from serving.server.batch_rows import Feeds, count_rows
from serving.server.status import StatusError


class BatchedRequest:
    """What one caller feeds, and where it waits for the answer.

    Args:
        feeds: by tensor name, rows in dimension 0.
        deadline: in the time of `time.monotonic()`; None: it waits for ever.

    Attributes:
        length: of its longest text; 0 where length makes no difference.
        pieces: the parts that run in one batch each.

    Raises (on construction):
        StatusError: the inputs have no common number of rows.
    """

    def __init__(self, feeds: Feeds, deadline: float | None):
        self.feeds, self.deadline = feeds, deadline
        self.rows = count_rows(feeds)
        self.length = 0
        self.enqueued = time.monotonic()
        self.pieces: list[Piece] = []
        self._error: StatusError | None = None
        self._missing = 0  # pieces without an answer
        self._guard = threading.Lock()
        # A bare lock, held until there is an answer: the cheapest way to wake one thread.
        self._done = threading.Lock()
        self._done.acquire()

    def expired(self, now: float) -> bool:
        """Whether nobody waits for its answer any more."""
        return self.deadline is not None and now >= self.deadline

    def cut(self, sizes: Iterable[int]) -> list["Piece"]:
        """Cuts it into pieces of so many rows."""
        ends = itertools.accumulate(sizes)
        self.pieces = [Piece(self, *span) for span in itertools.pairwise([0, *ends])]
        self._missing = len(self.pieces)
        return self.pieces

    def answered(self) -> None:
        """A piece has its outputs; with the last one the waiting ends."""
        with self._guard:
            self._missing -= 1
            if self._missing or self._error:
                return
        self._done.release()

    def failed(self, error: StatusError) -> None:
        """A piece has failed, and with it the whole; the waiting ends."""
        with self._guard:
            if self._error:
                return
            self._error = StatusError(error.code, error.message)  # a traceback of its own
        self._done.release()

    def wait(self) -> bool:
        """Waits until there is an answer; False when the deadline comes first."""
        if self.deadline is None:
            return self._done.acquire()
        seconds = min(max(self.deadline - time.monotonic(), 0.0), threading.TIMEOUT_MAX)
        return self._done.acquire(timeout=seconds)

    def outputs(self) -> list[np.ndarray]:
        """The answer, in the order of the batch's outputs.

        Raises:
            StatusError: the run failed.
        """
        if self._error:
            raise self._error
        if len(self.pieces) == 1:
            return self.pieces[0].outputs
        parts = zip(*(piece.outputs for piece in self.pieces), strict=True)
        return [np.concatenate(part) for part in parts]


class Piece:
    """Rows `begin` to `end` of a request, which run in one batch."""

    def __init__(self, request: BatchedRequest, begin: int, end: int):
        self.request, self._begin, self._end = request, begin, end
        self.rows = end - begin
        self.turn = 0  # the number of its batch, in order of arrival
        self.outputs: list[np.ndarray] = []

    def feeds(self) -> Feeds:
        """The inputs of its rows."""
        feeds = self.request.feeds
        if self.rows == self.request.rows:
            return feeds
        return {name: array[self._begin : self._end] for name, array in feeds.items()}

    def answer(self, outputs: list[np.ndarray]) -> None:
        """Takes the outputs of its rows."""
        self.outputs = outputs
        self.request.answered()
