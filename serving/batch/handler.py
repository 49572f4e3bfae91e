"""A version as Beam's RunInference takes models.

In a pipeline of one's own: `rows | RunInference(VersionHandler(path))`, where rows are
`serving.batch.rows.Row`s, gives a `PredictionResult` for each, with the row as `example`.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from preprocessing.errors import InputError
from preprocessing.records import Rejected
from serving.batch.rows import Row, cut_batches
from serving.batch.version import local_copy

if TYPE_CHECKING:  # it imports TensorFlow, which only workers need
    from serving.saved_model import Signatures

logger = logging.getLogger(__name__)

INPUTS = {"imdb": ("text",), "squad": ("question", "context")}
_MAX_BATCH_BYTES = 1 << 21  # of texts in one call, all taken as long as the longest
_ROWS_AHEAD = 16  # batches' worth of rows that are sorted by length together

# signature -> output -> the row's value
Answers = dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why the model gave no answer to a row."""

    message: str


@dataclasses.dataclass(frozen=True)
class BlockRows:
    """The rows of a part of a source, and what of it is none."""

    rows: list[Row]
    rejected: list[Rejected]


class VersionHandler(ModelHandler[Row, PredictionResult, Any]):
    """Asks a version's signatures about rows, those of like length together.

    A batch that fails is asked again row by row, so that only the rows to blame get a `Failure`.

    Args:
        version: its folder, as every worker sees it.
        task: "imdb" or "squad".
        signatures: those to ask.
        batch_size: rows in one call.
        threads: of one op; 0 for all cores. Processes that share a machine are to share its cores.
        done: called with the number of rows after each call; pickled to the workers.
    """

    def __init__(
        self,
        version: str,
        task: str,
        signatures: Sequence[str] = ("serving_default",),
        batch_size: int = 32,
        threads: int = 0,
        done: Callable[[int], None] | None = None,
    ):
        super().__init__()
        self._version, self._inputs = version, INPUTS[task]
        self._signatures, self._batch_size = tuple(signatures), batch_size
        self._threads, self._done = threads, done

    def load_model(self) -> "Signatures":
        """Loads the version as TF Serving does, and asks it once.

        Raises:
            InputError: it does not answer.
        """
        from serving.saved_model import load_in_session

        try:
            # Once it has answered, everything is read: a copy of the files can go.
            with local_copy(self._version) as folder:
                model = load_in_session(folder, self._threads)
                self._ask(model, [Row("", "", tuple(b"" for _ in self._inputs))])
        except InputError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:500]
            raise InputError(
                f"{self._version}: the model cannot be loaded, or does not answer: {reason}"
            ) from error
        return model

    def run_inference(
        self,
        batch: Sequence[Row],
        model: "Signatures",
        inference_args: Mapping[str, Any] | None = None,
    ) -> list[PredictionResult]:
        """A result for each row, in their order; `inference` is `Answers` or a `Failure`."""
        answers: list[Answers | Failure] = [Failure("not asked")] * len(batch)
        for places in cut_batches(batch, self._batch_size, _MAX_BATCH_BYTES):
            found = self._answers(model, [batch[i] for i in places])
            for i, answer in zip(places, found, strict=True):
                answers[i] = answer
            if self._done:
                self._done(len(places))
        return [
            PredictionResult(row, answer, self._version)
            for row, answer in zip(batch, answers, strict=True)
        ]

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """Beam gathers more rows than a call takes, so that there is something to sort."""
        rows = self._batch_size * _ROWS_AHEAD
        return {"min_batch_size": rows, "max_batch_size": rows}

    def share_model_across_processes(self) -> bool:
        """Each process has its own: through a shared one all texts would have to pass."""
        return False

    def get_num_bytes(self, batch: Sequence[Row]) -> int:
        """Bytes of text."""
        return sum(row.size for row in batch)

    def get_metrics_namespace(self) -> str:
        """Of Beam's counters and distributions."""
        return "bertline"

    def _answers(self, model: "Signatures", rows: list[Row]) -> Sequence[Answers | Failure]:
        try:
            return self._ask(model, rows)
        except Exception as error:  # noqa: BLE001 - whatever a row does to the model is its own
            if len(rows) == 1:
                return [Failure(" ".join(str(error).split())[:500])]
        return [self._answers(model, [row])[0] for row in rows]

    def _ask(self, model: "Signatures", rows: Sequence[Row]) -> list[Answers]:
        columns = zip(*(row.texts for row in rows), strict=True)
        inputs = {alias: list(column) for alias, column in zip(self._inputs, columns, strict=True)}
        outputs = {name: model(name, inputs) for name in self._signatures}
        return [
            {
                name: {alias: values[i] for alias, values in found.items()}
                for name, found in outputs.items()
            }
            for i in range(len(rows))
        ]


class BlockHandler(ModelHandler[BlockRows, PredictionResult, Any]):
    """Takes a whole part of a source as one example, whose inference is a list for its rows.

    So nothing has to be gathered before or after RunInference, which not every runner can
    (Dask's drops what a step gives at the end of a bundle), and the rows of a block are sorted by
    length together.
    """

    def __init__(self, rows_handler: VersionHandler):
        super().__init__()
        self._rows_handler = rows_handler

    def load_model(self) -> "Signatures":
        """As the handler of rows does it."""
        return self._rows_handler.load_model()

    def run_inference(
        self,
        batch: Sequence[BlockRows],
        model: "Signatures",
        inference_args: Mapping[str, Any] | None = None,
    ) -> list[PredictionResult]:
        """A result for each block; `inference` is a list of `Answers` or `Failure`s."""
        return [
            PredictionResult(
                block,
                [r.inference for r in self._rows_handler.run_inference(block.rows, model)],
            )
            for block in batch
        ]

    def should_skip_batching(self) -> bool:
        """An element is a list of blocks already."""
        return True

    def share_model_across_processes(self) -> bool:
        """As the handler of rows does it."""
        return self._rows_handler.share_model_across_processes()

    def get_num_bytes(self, batch: Sequence[BlockRows]) -> int:
        """Bytes of text."""
        return sum(self._rows_handler.get_num_bytes(block.rows) for block in batch)

    def get_metrics_namespace(self) -> str:
        """Of Beam's counters and distributions."""
        return self._rows_handler.get_metrics_namespace()
