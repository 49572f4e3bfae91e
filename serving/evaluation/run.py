"""One evaluation from a model and a source to its files."""

import datetime
import functools
import importlib.metadata
import logging
import pathlib
import platform
import time
from collections.abc import Mapping
from typing import Any

from preprocessing import rejected_fraction
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns, unknown_labels
from serving.evaluation.asking import ask_all
from serving.evaluation.examples import labels_in, read_questions, read_texts, with_labels
from serving.evaluation.exported import ExportedModel
from serving.evaluation.model import TEXT_CLASSIFIER, EvaluatedModel
from serving.evaluation.output_files import EVALUATION, OutputFiles, output_files
from serving.evaluation.question_evaluation import QuestionEvaluation
from serving.evaluation.result import Result
from serving.evaluation.selection import Read, Selection, reasons_of, select
from serving.evaluation.text_evaluation import TextEvaluation

logger = logging.getLogger(__name__)

_SHOWN_LABELS = 10
_PACKAGES = ("bertline", "numpy", "tensorflow", "tensorflow-text")


def evaluate_version(
    version: pathlib.Path,
    source: str,
    output_dir: pathlib.Path | None = None,
    *,
    split: str = "test",
    limit: int | None = None,
    batch_size: int = 32,
    columns: Columns | None = None,
    max_rejected_fraction: float = rejected_fraction.DEFAULT,
) -> dict[str, float | int]:
    """Asks an export everything in a source, in this process, and scores the answers.

    Args:
        version: its folder.
        source: labelled texts or questions, as preprocessing reads them.
        output_dir: for the files that docs/evaluating.md names; None writes nothing.
        split: of aclImdb.
        limit: so many texts (by a hash of the id) or questions (the first) at most.
        batch_size: texts or questions in one call.
        columns: of a file of rows.
        max_rejected_fraction: share of the source that may be left out of the figures.

    Returns:
        The metrics, as in metrics.json.

    Raises:
        InputError: it is no export, the source is not for it, or too much of it is rejected.
    """
    model = ExportedModel(version)
    return evaluate(
        model,
        source,
        output_dir,
        columns or Columns(),
        split=split,
        limit=limit,
        batch_size=batch_size,
        max_rejected_fraction=max_rejected_fraction,
    )


def evaluate(
    model: EvaluatedModel,
    source: str,
    output_dir: pathlib.Path | None,
    columns: Columns,
    *,
    split: str,
    limit: int | None,
    batch_size: int,
    max_rejected_fraction: float = rejected_fraction.DEFAULT,
) -> dict[str, float | int]:
    """The same for any model."""
    labels = labels_in(source, model.labels) if model.kind == TEXT_CLASSIFIER else ()
    selection = select_for(
        model.kind,
        labels,
        source,
        columns,
        split=split,
        limit=limit,
        max_rejected_fraction=max_rejected_fraction,
    )
    with output_files(output_dir, EVALUATION) as files:
        start = time.monotonic()
        scores = _scores(model, files, selection, labels)
        sha256 = ask_all(model, selection, batch_size, scores)
        seconds = time.monotonic() - start
        result = scores.result()
        if model.kind == TEXT_CLASSIFIER:
            result.metrics["rejected"] = sum(selection.rejected.values())
        if output_dir is not None:
            asked = {"source": source, "limit": limit, "examples_sha256": sha256}
            if model.kind == TEXT_CLASSIFIER and readers.is_imdb(source):
                asked["split"] = split
            _write(files, result, _about(model, selection, labels, asked, seconds))
    return result.metrics


def select_for(
    kind: str,
    labels: tuple[str, ...],
    source: str,
    columns: Columns,
    *,
    split: str,
    limit: int | None,
    max_rejected_fraction: float,
) -> Selection:
    """What a model of some kind is asked of a source; tells what is left out of it.

    Args:
        kind: of the model, `TEXT_CLASSIFIER` or `READER`.
        labels: of a classifier, as the source calls them.
        source: see `evaluate_version`, as for the others.

    Raises:
        InputError: see `select`.
    """
    hint = functools.partial(_hint, source, with_labels(columns, labels))
    read = _reader(kind, source, split, labels, columns)
    selection = select(read, source, limit, max_rejected_fraction, hint)
    if selection.rejected:
        reasons = reasons_of(selection.rejected)
        logger.warning("left out of the figures: %s.%s", reasons, hint(selection.rejected))
    return selection


def _reader(kind: str, source: str, split: str, labels: tuple[str, ...], columns: Columns) -> Read:
    if kind == TEXT_CLASSIFIER:
        return functools.partial(read_texts, source, split, labels, columns)
    return functools.partial(read_questions, source)


def _scores(
    model: EvaluatedModel, files: OutputFiles, selection: Selection, labels: tuple[str, ...]
) -> TextEvaluation | QuestionEvaluation:
    if model.kind == TEXT_CLASSIFIER:
        return TextEvaluation(files, labels)
    return QuestionEvaluation(files, selection.is_v2)


def _hint(source: str, columns: Columns, rejected: Mapping[str, int]) -> str:
    """What a file calls its labels and what the model does, where they differ; "" otherwise."""
    if not rejected.get("unknown_label"):
        return ""
    found = ", ".join(map(repr, unknown_labels(source, columns, _SHOWN_LABELS)))
    known = ", ".join(map(repr, columns.labels[:_SHOWN_LABELS]))
    more = f" and {len(columns.labels) - _SHOWN_LABELS} more" * (
        len(columns.labels) > _SHOWN_LABELS
    )
    return (
        f" Labels in its column {columns.label_column!r} that the model does not know: {found}; "
        f"those of the model: {known}{more}."
    )


def _about(
    model: EvaluatedModel,
    selection: Selection,
    labels: tuple[str, ...],
    asked: dict[str, Any],
    seconds: float,
) -> dict[str, Any]:
    return {
        "kind": model.kind,
        "model": model.name,
        "input": asked,
        "labels": list(labels),
        "is_v2": selection.is_v2,
        "examples": selection.total,
        "rejected": selection.rejected,
        "seconds": round(seconds, 3),
        "examples_per_second": round(selection.total / seconds, 2),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "provenance": dict(model.facts),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
    }


def _write(files: OutputFiles, result: Result, about: dict[str, Any]) -> None:
    from serving.evaluation.report import write_report

    files.json("metrics", result.metrics)
    files.json("details", result.details())
    files.json("evaluation", about)
    write_report(files, result, about)
