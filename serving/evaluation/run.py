"""One evaluation from a model and a source to its files."""

import datetime
import functools
import importlib.metadata
import logging
import pathlib
import platform
import time
from typing import Any

from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from serving.evaluation.asking import ask_all
from serving.evaluation.examples import labels_in, read_questions, read_texts
from serving.evaluation.exported import ExportedModel
from serving.evaluation.model import TEXT_CLASSIFIER, EvaluatedModel
from serving.evaluation.output_files import EVALUATION, OutputFiles, output_files
from serving.evaluation.question_evaluation import QuestionEvaluation
from serving.evaluation.result import Result
from serving.evaluation.selection import Read, Selection, select
from serving.evaluation.text_evaluation import TextEvaluation

logger = logging.getLogger(__name__)

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

    Returns:
        The metrics, as in metrics.json.

    Raises:
        InputError: it is no export, or the source is not for it.
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
) -> dict[str, float | int]:
    """The same for any model."""
    labels = labels_in(source, model.labels) if model.kind == TEXT_CLASSIFIER else ()
    selection = select(_reader(model, source, split, labels, columns), source, limit)
    _warn_of_rejected(selection)
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


def _reader(
    model: EvaluatedModel, source: str, split: str, labels: tuple[str, ...], columns: Columns
) -> Read:
    if model.kind == TEXT_CLASSIFIER:
        return functools.partial(read_texts, source, split, labels, columns)
    return functools.partial(read_questions, source)


def _scores(
    model: EvaluatedModel, files: OutputFiles, selection: Selection, labels: tuple[str, ...]
) -> TextEvaluation | QuestionEvaluation:
    if model.kind == TEXT_CLASSIFIER:
        return TextEvaluation(files, labels)
    return QuestionEvaluation(files, selection.is_v2)


def _warn_of_rejected(selection: Selection) -> None:
    if selection.rejected:
        reasons = ", ".join(f"{count} {reason}" for reason, count in selection.rejected.items())
        logger.warning("left out of the figures: %s", reasons)


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
