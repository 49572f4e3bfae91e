"""The threads that run batches: one pool for all models, which serves their queues in turn."""

import collections
import threading
import time
from collections.abc import Hashable
from typing import Protocol

from serving.server.batch_queue import BatchQueue
from serving.server.batch_request import BatchedRequest, Piece


class BatchKind(Hashable, Protocol):
    """What can go into one batch: equal kinds share a queue."""

    @property
    def owner(self) -> object:
        """Whose batches they are; see `BatchScheduler.drain`."""

    def new_queue(self) -> BatchQueue:
        """An empty queue for it."""

    def process(self, pieces: list[Piece]) -> None:
        """Runs a batch and answers its pieces; raises nothing."""


class BatchScheduler:
    """A pool of threads and the queues that have something in them.

    A thread sleeps until there is a batch, or until the next one is due; it is woken only for a
    batch more, not for every request that joins one.

    Args:
        threads: batches that run at once.
        name: of the threads, for those who look at them.
    """

    def __init__(self, threads: int, name: str = ""):
        lock = threading.Lock()  # guards all of the state
        self._wake, self._idle = threading.Condition(lock), threading.Condition(lock)
        self._queues: collections.OrderedDict[BatchKind, BatchQueue] = collections.OrderedDict()
        self._running: list[object] = []  # the owner of each batch that runs
        self._stopping = False
        for number in range(threads):
            thread_name = f"{name or 'batch'}-{number}"
            threading.Thread(target=self._work, name=thread_name, daemon=True).start()

    def submit(self, kind: BatchKind, request: BatchedRequest) -> None:
        """Puts a request into its queue.

        Raises:
            StatusError: the queue is full.
        """
        with self._wake:
            queue = self._queues.get(kind) or kind.new_queue()
            if queue.put(request):
                self._wake.notify()
            self._queues[kind] = queue

    def abandon(self, kind: BatchKind, request: BatchedRequest) -> bool:
        """Takes out a request that waits no longer.

        Returns:
            Whether it waited whole and without others in its batch.
        """
        with self._wake:
            queue = self._queues.get(kind)
            if queue is None:
                return False
            removed, beside_others = queue.remove(request)
            if not queue:
                del self._queues[kind]
            return removed == len(request.pieces) and not beside_others

    def drain(self, owner: object) -> None:
        """Waits until no batch of an owner waits or runs."""
        with self._idle:
            self._idle.wait_for(lambda: not self._has_work(owner))

    def close(self) -> None:
        """Ends the threads; what waits is not run."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()

    def _has_work(self, owner: object) -> bool:
        waiting = any(kind.owner is owner for kind in self._queues)
        return waiting or any(one is owner for one in self._running)

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            kind, pieces = batch
            kind.process(pieces)
            del batch, pieces  # nothing of it is kept while the thread sleeps
            with self._wake:
                self._running.remove(kind.owner)
                self._idle.notify_all()

    def _next(self) -> tuple[BatchKind, list[Piece]] | None:
        """Waits for the next batch; None at the end."""
        with self._wake:
            while not self._stopping:
                now, next_due = time.monotonic(), threading.TIMEOUT_MAX
                for kind, queue in self._queues.items():
                    due = queue.due()
                    if due <= now:
                        return self._take(kind, queue)
                    next_due = min(next_due, due - now)
                self._wake.wait(next_due if self._queues else None)
            return None

    def _take(self, kind: BatchKind, queue: BatchQueue) -> tuple[BatchKind, list[Piece]]:
        pieces = queue.take()
        if queue:
            self._queues.move_to_end(kind)  # the others come first now
        else:
            del self._queues[kind]
        if self._queues:
            self._wake.notify()  # for what is due too, or to watch what will be
        self._running.append(kind.owner)
        return kind, pieces
