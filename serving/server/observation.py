"""What is seen of a request while it is answered: for the metrics and the access log.

A handler opens an `observe` block; what runs in its thread adds to it what only it knows.
"""

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server import access_log, metric_table
from serving.server.loader import LoadedModel
from serving.server.status import Code, StatusError

_COUNTED_RPCS = ("Predict", "Classify", "Regress")
_RUNTIME = "TF1"
_current = threading.local()


@dataclasses.dataclass
class Observation:
    """One request, as far as it is known by now."""

    transport: str  # "GRPC" or "REST"
    method: str = ""  # the RPC's name, or the word in the URL
    client: str = ""  # its address
    model: str = ""
    version: int | None = None  # of the model that ran
    signature: str = ""
    rows: int | None = None  # of the largest input
    code: Code = Code.OK
    started: float = dataclasses.field(default_factory=time.monotonic)


@contextlib.contextmanager
def observe(observation: Observation) -> Iterator[Observation]:
    """Counts and logs a request when the block ends; one that raises is counted by its code."""
    _current.observation = observation
    try:
        yield observation
    except Exception as error:
        observation.code = error.code if isinstance(error, StatusError) else Code.INTERNAL
        raise
    finally:
        _current.observation = None
        _finish(observation)


def current() -> Observation:
    """The request that this thread answers; one that is not kept when there is none."""
    return getattr(_current, "observation", None) or Observation("")


def _finish(seen: Observation) -> None:
    seconds = time.monotonic() - seen.started
    if seen.transport == "REST" or seen.method in _COUNTED_RPCS:
        metric_table.REQUEST_COUNT.increment(seen.model, seen.code.name)
        if seen.code == Code.OK:
            labels = (seen.model, seen.method, seen.transport)
            metric_table.REQUEST_LATENCY.add(seconds * 1e6, *labels)
    if seen.method == "MultiInference" and seen.rows is not None:
        metric_table.REQUEST_EXAMPLE_COUNTS.add(seen.rows, seen.model)
        metric_table.REQUEST_EXAMPLE_COUNT_TOTAL.increment(seen.model, by=seen.rows)
    access_log.write(
        transport=seen.transport, method=seen.method, model=seen.model, version=seen.version,
        signature=seen.signature, rows=seen.rows, status=seen.code.name,
        milliseconds=round(seconds * 1000, 3), client=seen.client,
    )  # fmt: skip


class ObservedModel:
    """Adds to the request under way what its model does; has the interface of `LoadedModel`."""

    def __init__(self, model: LoadedModel, version_path: str):
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = model.signatures
        self._model = model
        self._version = int(os.path.basename(version_path.rstrip("/")))

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """See `LoadedModel`; the time it takes is the request's runtime, waits for a batch too."""
        seen = current()
        seen.version = self._version
        seen.rows = max((len(array) for array in feeds.values() if array.ndim), default=None)
        started = time.monotonic()
        outputs = self._model.run(feeds, fetches, timeout_s)
        if seen.transport:  # a warm-up request is nobody's
            micros = (time.monotonic() - started) * 1e6
            api = seen.method[:1].upper() + seen.method[1:]  # of "predict" and "MultiInference"
            labels = (seen.model, api, _RUNTIME)
            metric_table.RUNTIME_LATENCY.add(micros, *labels)
        return outputs

    def close(self) -> None:
        """See `LoadedModel`."""
        self._model.close()
