"""The steps of the pipeline: rows of a block, their predictions, files of lines.

As in preprocessing, rows and lines travel in files of the job's work folder.
"""

import collections
import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import PredictionResult, RunInference

from preprocessing import runs
from preprocessing.blocks import Block, read_block
from preprocessing.records import Rejected, place_of
from preprocessing.runs import Group
from preprocessing.transforms import Output, write_file
from serving.batch.handler import BlockHandler, BlockRows, Failure, VersionHandler
from serving.batch.lines import NotFiniteError, to_line
from serving.batch.rows import Row

_KEYED = tuple[Any, Any]
PREDICTIONS, REJECTED, COUNTS = "predictions", "rejected", "counts"  # kinds of groups
REJECTED_FILE = "rejected-rows"
MODEL_ERROR, NOT_FINITE = "model_error", "not_finite"  # reasons of rejection, besides the readers'


class Predict(beam.PTransform):
    """Block -> (group, slice of a run or counts).

    Args:
        handler: asks the model.
        n_best: answers to list besides the served one.
        num_shards: files of predictions.
        work: folder for the runs.
    """

    def __init__(self, handler: VersionHandler, n_best: int, num_shards: int, work: str):
        super().__init__()
        self._handler = BlockHandler(handler)
        self._write = _WriteRun(n_best, num_shards, work)

    def expand(self, blocks):
        return (
            blocks
            | "Rows" >> beam.Map(_rows_of).with_output_types(Any)
            | "RunInference" >> RunInference(self._handler)
            | "WriteRun" >> beam.ParDo(self._write).with_output_types(_KEYED)
        )


def _rows_of(block: Block) -> list[BlockRows]:
    """The batch of one that RunInference is given."""
    elements = read_block(block)
    rows = [element for element in elements if isinstance(element, Row)]
    return [BlockRows(rows, [element for element in elements if isinstance(element, Rejected)])]


class _WriteRun(beam.DoFn):
    def __init__(self, n_best: int, num_shards: int, work: str):
        self._n_best, self._num_shards, self._work = n_best, num_shards, work

    def process(self, result: PredictionResult) -> Iterator[Any]:  # (group, slice or counts)
        block: Any = result.example  # BlockRows
        inferences: Any = result.inference
        groups: dict[Group, list[runs.Entry]] = collections.defaultdict(list)
        counts: collections.Counter[str] = collections.Counter()
        for row, answers in zip(block.rows, inferences, strict=True):
            rejected = self._add(row, answers, groups)
            counts[rejected.reason if rejected else ""] += 1
            if rejected:
                _reject(rejected, answers, groups)
        for rejected in block.rejected:
            counts[rejected.reason] += 1
            _reject(rejected, None, groups)
        yield from runs.write_run(groups, self._work)
        yield (COUNTS, "", 0), counts

    def _add(self, row: Row, answers: Any, groups: dict[Group, list[runs.Entry]]) -> Any:
        """Adds a row's line, or tells why it has none."""
        if isinstance(answers, Failure):
            return Rejected("", row.source, row.id, MODEL_ERROR)
        try:
            line = to_line(row, answers, self._n_best)
        except NotFiniteError:
            return Rejected("", row.source, row.id, NOT_FINITE)
        place = place_of(row.id)
        groups[PREDICTIONS, "", place.shard % self._num_shards].append((place.order, line))
        return None


def _reject(entry: Rejected, answers: Any, groups: dict[Group, list[runs.Entry]]) -> None:
    fields = dataclasses.asdict(entry)
    del fields["split"]
    if isinstance(answers, Failure):
        fields["message"] = answers.message
    line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace")
    groups[REJECTED, "", 0].append((b"", line + b"\n"))


class WriteFiles(beam.PTransform):
    """(group, slice or counts) -> Output or counts: merges each group into its file.

    Args:
        work: folder for the files.
        num_shards: files of predictions.
    """

    def __init__(self, work: str, num_shards: int):
        super().__init__()
        self._work, self._num_shards = work, num_shards

    def expand(self, entries):
        return (
            entries
            | "Group" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write_group, self._work, self._num_shards).with_output_types(Any)
        )


def _write_group(grouped: tuple[Group, Iterable[Any]], work: str, num_shards: int) -> Any:
    group, entries = grouped
    kind, _, number = group
    if kind == COUNTS:
        total: collections.Counter[str] = collections.Counter()
        for counts in entries:
            total.update(counts)
        return Output(group), total
    if kind == PREDICTIONS:
        return write_shard(number, entries, work, num_shards), None
    return write_file(group, REJECTED_FILE, ".jsonl", bytes, entries, work), None


def write_shard(number: int, entries: Iterable[Any], work: str, num_shards: int) -> Output:
    """A file of predictions, which may be empty."""
    name = f"predictions-{number:05d}-of-{num_shards:05d}"
    return write_file((PREDICTIONS, "", number), name, ".jsonl", bytes, entries, work)
