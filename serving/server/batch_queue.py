"""Requests that wait for one kind of batch, and which of them go together.

In order of arrival requests fill a batch, then the next one, as in TF Serving; how many such
batches may wait is bounded. What TF Serving lacks: when more waits than one batch takes, requests
whose texts are of like length go together, because a graph pads every text to the longest one
beside it. The oldest request always goes in the next batch, and a request of one row goes at most
`MAX_LATER` batches later than it would in order of arrival.

Nothing here is locked: see `batch_scheduler`.
"""

from collections.abc import Sequence

from serving.server.batch_request import BatchedRequest, Piece
from serving.server.status import Code, StatusError

MAX_LATER = 3


class _Batch:
    """Pieces in order of arrival, and their rows."""

    def __init__(self, pieces: Sequence[Piece]):
        self.pieces = list(pieces)
        self.rows = sum(piece.rows for piece in pieces)

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.rows += piece.rows


class BatchQueue:
    """Pieces packed into batches in order of arrival; the last batch takes more.

    Args:
        batch_size: rows of a batch.
        max_batches: batches that may wait; at least one may.
        timeout_s: how long the last batch waits for more after its first piece has come.
        split: whether a request may be cut to fill a batch.
        by_length: whether to choose pieces by the length of their texts.
    """

    def __init__(
        self, batch_size: int, max_batches: int, timeout_s: float, split: bool, by_length: bool
    ):
        self._batch_size, self._max_batches = batch_size, max_batches
        self._timeout_s, self._split, self._by_length = timeout_s, split, by_length
        self._batches: list[_Batch] = []
        self._taken = 0  # batches so far

    def __len__(self) -> int:
        """Batches that wait."""
        return len(self._batches)

    def put(self, request: BatchedRequest) -> bool:
        """Adds a request; whether there is one batch more now, or the last one is full.

        Raises:
            StatusError: the queue is full.
        """
        waiting, room = len(self._batches), self._room()
        sizes = self._sizes(request.rows, room)
        fits = bool(waiting) and sizes[0] <= room
        more = len(sizes) - fits
        if more and waiting + more > max(self._max_batches, 1):
            raise StatusError(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; currently "
                f"{waiting} batches enqueued and max_enqueued_batches is {self._max_batches}",
            )
        for piece in request.cut(sizes):
            self._pack(piece)
            piece.turn = self._taken + len(self._batches) - 1
        return more > 0 or self._room() == 0

    def due(self) -> float:
        """When its first batch may go, in the time of `time.monotonic()`."""
        first = self._batches[0]
        enqueued = first.pieces[0].request.enqueued
        is_closed = len(self._batches) > 1 or first.rows >= self._batch_size
        return enqueued if is_closed else enqueued + self._timeout_s

    def take(self) -> list[Piece]:
        """Takes the next batch out, whether due or not."""
        if self._by_length and len(self._batches) > 1:
            pieces = self._of_like_length()
        else:
            pieces = self._batches.pop(0).pieces
        self._taken += 1
        return pieces

    def remove(self, request: BatchedRequest) -> tuple[int, bool]:
        """Takes out what waits of a request: how many pieces, and whether beside others'."""
        before = sum(len(batch.pieces) for batch in self._batches)
        beside_others, kept = False, []
        for batch in self._batches:
            others = [piece for piece in batch.pieces if piece.request is not request]
            beside_others |= 0 < len(others) < len(batch.pieces)
            if others:
                kept.append(_Batch(others))
        self._batches = kept
        return before - sum(len(batch.pieces) for batch in kept), beside_others

    def _room(self) -> int:
        """Rows that the last batch can take."""
        return self._batch_size - self._batches[-1].rows if self._batches else 0

    def _sizes(self, rows: int, room: int) -> list[int]:
        if not self._split or rows <= room:
            return [rows]
        full, rest = divmod(rows - room, self._batch_size)
        return [size for size in (room, *[self._batch_size] * full, rest) if size] or [0]

    def _pack(self, piece: Piece) -> None:
        if self._batches and piece.rows <= self._room():
            self._batches[-1].add(piece)
        else:
            self._batches.append(_Batch([piece]))

    def _of_like_length(self) -> list[Piece]:
        """A batch around the oldest piece; the others are packed anew."""
        oldest, *others = [piece for batch in self._batches for piece in batch.pieces]

        def urgency(number: int) -> tuple[bool, int]:
            piece = others[number]
            late = self._taken >= piece.turn + MAX_LATER
            return not late, 0 if late else abs(piece.request.length - oldest.request.length)

        chosen, batch = set(), _Batch([oldest])
        for number in sorted(range(len(others)), key=urgency):  # the older of two alike first
            if batch.rows + others[number].rows <= self._batch_size:
                batch.add(others[number])
                chosen.add(number)
        self._batches = []
        for number, piece in enumerate(others):
            if number not in chosen:
                self._pack(piece)
        return batch.pieces
