"""A model whose runs are joined into batches (API page, section 7)."""

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server import batch_rows, metric_table
from serving.server.batch_queue import BatchQueue
from serving.server.batch_request import BatchedRequest, Piece
from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.loader import LoadedModel
from serving.server.status import Code, StatusError, from_exception, invalid_argument

logger = logging.getLogger(__name__)

_THREAD_POOL_NAME = ""  # the label's value, whatever the parameter says


class BatchedModel:
    """Joins the runs of a model that come at the same time; has the interface of `LoadedModel`.

    Args:
        model: what runs the batches.
        parameters: sizes, times and bounds.
        scheduler: whose threads run them, shared with other models.
        by_length: put texts of like length together, where there is a choice.
    """

    def __init__(
        self,
        model: LoadedModel,
        parameters: BatchingParameters,
        scheduler: BatchScheduler,
        by_length: bool = True,
    ):
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = model.signatures
        self.model, self.parameters, self._scheduler = model, parameters, scheduler
        self._by_length = by_length

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """Waits for a batch with these inputs and outputs, and returns this run's part of it.

        Raises:
            StatusError: the batch fails; the queue is full; RESOURCE_EXHAUSTED or
                DEADLINE_EXCEEDED after `timeout_s`.
        """
        return self.submit(feeds, fetches, timeout_s).result()

    def submit(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_s: float | None = None,
    ) -> "PendingRun":
        """Puts a run into its queue; see `run`."""
        if timeout_s is not None and timeout_s <= 0:
            raise _deadline_exceeded()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        request = BatchedRequest(feeds, deadline)
        self._admit(request)
        kind = _Kind.of(self, feeds, fetches)
        if self._by_length and kind.has_texts():
            request.length = batch_rows.longest_row(feeds)
        self._scheduler.submit(kind, request)
        return PendingRun(self, kind, request, fetches)

    def abandon(self, pending: "PendingRun") -> StatusError:
        """Takes a run whose time is over out of its queue; what it is to be told."""
        if self._scheduler.abandon(pending.kind, pending.request):
            return _expired_in_queue()
        return _deadline_exceeded()

    def close(self) -> None:
        """Waits for batches under way, and gives the memory back."""
        self._scheduler.drain(self)
        self.model.close()

    def _admit(self, request: BatchedRequest) -> None:
        for array in request.feeds.values():
            metric_table.INPUT_BATCH_SIZE.add(len(array))
        if request.rows > self.parameters.max_batch_size:
            raise invalid_argument(
                f"Task size {request.rows} is larger than maximum input batch size "
                f"{self.parameters.max_batch_size}"
            )

    def new_queue(self, by_length: bool) -> BatchQueue:
        """An empty queue with the parameters' bounds."""
        return BatchQueue(
            batch_size=self.parameters.execution_size,
            max_batches=self.parameters.max_enqueued_batches,
            timeout_s=self.parameters.batch_timeout_micros / 1e6,
            split=self.parameters.enable_large_batch_splitting,
            by_length=self._by_length and by_length,
        )

    def process(self, pieces: list[Piece], outputs: Sequence[str]) -> None:
        """Runs a batch and answers its pieces, each with its rows or with what went wrong."""
        now = time.monotonic()
        for piece in pieces:
            waited_us = (now - piece.request.enqueued) * 1e6
            metric_table.QUEUING_LATENCY.add(waited_us, _THREAD_POOL_NAME)
        alive = [piece for piece in pieces if not piece.request.expired(now)]
        if not alive:
            _fail(pieces, _expired_in_queue())
            return
        try:
            answers = self._run_batch(alive, outputs, _timeout_s(alive, now))
        except Exception as error:
            if not isinstance(error, StatusError):
                logger.exception("a batch of %d requests failed", len(alive))
            _fail(alive, from_exception(error))
            return
        for piece, answer in zip(alive, answers, strict=True):
            piece.answer(answer)

    def _run_batch(
        self, pieces: list[Piece], outputs: Sequence[str], timeout_s: float | None
    ) -> list[list[np.ndarray]]:
        sizes = [piece.rows for piece in pieces]
        rows = sum(sizes)
        # A batch without rows has none to copy.
        size = self.parameters.filled_size(rows) if rows else 0
        metric_table.PADDING_SIZE.add(size - rows, str(size))
        metric_table.PROCESSED_BATCH_SIZE.add(size)
        parts = [piece.feeds() for piece in pieces]
        feeds = batch_rows.join(parts, size, self.parameters.pad_variable_length_inputs)
        try:
            results = self.model.run(feeds, outputs, timeout_s)
        finally:
            metric_table.WRAPPED_RUN_COUNT.increment()
        return batch_rows.split(results, sizes, size)


@dataclasses.dataclass(frozen=True)
class PendingRun:
    """A run that waits for its batch."""

    model: BatchedModel
    kind: "_Kind"
    request: BatchedRequest
    fetches: Sequence[str]

    def result(self) -> list[np.ndarray]:
        """Waits for the values of `fetches`; see `BatchedModel.run`."""
        if not self.request.wait():
            raise self.model.abandon(self)
        outputs = dict(zip(self.kind.outputs, self.request.outputs(), strict=True))
        return [outputs[name] for name in self.fetches]


@dataclasses.dataclass(frozen=True)
class _Kind:
    """The runs that can share a batch: of one version, with the same inputs and outputs.

    The dtypes count too, so that a request of a wrong one fails alone.
    """

    owner: BatchedModel  # equal when it is the same
    inputs: tuple[tuple[str, np.dtype], ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(
        cls, owner: BatchedModel, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]
    ) -> "_Kind":
        """Whatever the order of inputs and outputs."""
        inputs = tuple((name, feeds[name].dtype) for name in sorted(feeds))
        return cls(owner, inputs, tuple(sorted(set(fetches))))

    def has_texts(self) -> bool:
        """Whether an input holds strings."""
        return any(dtype.kind == "O" for _, dtype in self.inputs)

    def new_queue(self) -> BatchQueue:
        """See `BatchKind`."""
        return self.owner.new_queue(by_length=self.has_texts())

    def process(self, pieces: list[Piece]) -> None:
        """See `BatchKind`."""
        self.owner.process(pieces, self.outputs)


def _timeout_s(pieces: Sequence[Piece], now: float) -> float | None:
    """What is left until the last deadline; None when there is none."""
    deadlines = [piece.request.deadline for piece in pieces]
    known = [deadline for deadline in deadlines if deadline is not None]
    return max(known) - now if len(known) == len(deadlines) else None


def _fail(pieces: Sequence[Piece], error: StatusError) -> None:
    for piece in pieces:
        piece.request.failed(error)


def _expired_in_queue() -> StatusError:
    return StatusError(
        Code.RESOURCE_EXHAUSTED, "Run() timeout exceeded while waiting in batching queue"
    )


def _deadline_exceeded() -> StatusError:
    return StatusError(Code.DEADLINE_EXCEEDED, "Timed out waiting for notification")
