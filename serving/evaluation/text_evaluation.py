"""A classifier's probabilities to figures and files, text by text."""

import array
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.evaluation.calibration import reliability
from serving.evaluation.examples import LabelledText
from serving.evaluation.intervals import bootstrap, wilson
from serving.evaluation.measures import value_of
from serving.evaluation.most_wrong import MostWrong, beginning
from serving.evaluation.output_files import OutputFiles
from serving.evaluation.result import Result, with_interval
from serving.evaluation.slices import MOST_LABELS, SliceColumns, text_slices
from serving.evaluation.text_figures import (
    WITHOUT_INTERVAL,
    TextScores,
    class_measures,
    confusion_matrix,
    text_measures,
)


class TextEvaluation:
    """Takes texts in the order of the source; holds the numbers that the figures are made of.

    Writes `predictions.json` (id -> probability of the positive label or, with more than two
    labels, the label and all probabilities) and `examples.jsonl`.
    """

    def __init__(self, files: OutputFiles, labels: tuple[str, ...]):
        self._labels = labels
        self._label = array.array("q")
        self._probabilities = array.array("d")
        self._slices = SliceColumns()
        self._wrong = MostWrong()
        self._predictions = files.object("predictions")
        self._examples = files.lines("examples")

    def add(self, example: LabelledText, probabilities: np.ndarray) -> None:
        """Adds a text with the probability of each label, float64[labels]."""
        self._label.append(example.label)
        self._probabilities.extend(probabilities.tolist())
        self._slices.add(text_slices(example, self._labels))
        scores = TextScores(np.array([example.label]), probabilities[np.newaxis])
        entry = {
            "id": example.id,
            "label": self._labels[example.label],
            "predicted": self._labels[scores.predicted[0]],
            "probability": float(scores.confidence[0]),
            "text": beginning(example.text),
        }
        if not scores.right[0]:
            self._wrong.add(entry["probability"], entry)
        self._predictions.add(example.id, self._prediction(entry, probabilities))
        self._examples.add({**entry, "probabilities": probabilities.tolist()})

    def _prediction(self, entry: Mapping[str, Any], probabilities: np.ndarray) -> Any:
        if len(self._labels) == 2:
            return float(probabilities[1])
        return {"label": entry["predicted"], "probabilities": probabilities.tolist()}

    def result(self) -> Result:
        """Ends the files, and gives the figures of what was added."""
        self._predictions.end()
        self._examples.end()
        scores = TextScores(
            np.frombuffer(self._label, np.int64),
            np.frombuffer(self._probabilities).reshape(-1, len(self._labels)),
        )
        count, measures = len(scores.label), text_measures(scores)
        metrics = {name: value_of(measure, count) for name, measure in measures.items()}
        bins = reliability(scores.confidence, scores.right)
        resampled = {name: one for name, one in measures.items() if name not in WITHOUT_INTERVAL}
        return Result(
            metrics={"examples": count, **metrics},
            intervals=bootstrap(resampled, count) if len(self._labels) <= MOST_LABELS else {},
            slices=self._slices.summaries(lambda rows: _summary(scores.right[rows])),
            reliability=[dataclasses.asdict(one) for one in bins],
            most_wrong=self._wrong.entries(),
            extra={
                "classes": [self._class(scores, label) for label in range(len(self._labels))],
                "confusion_matrix": confusion_matrix(scores).tolist(),
            },
        )

    def _class(self, scores: TextScores, label: int) -> dict[str, Any]:
        figures = class_measures(scores, label)
        values = {name: value_of(one, len(scores.label)) for name, one in figures.items()}
        count = int((scores.label == label).sum())
        return {"label": self._labels[label], "count": count, **values}


def _summary(right: np.ndarray) -> dict[str, Any]:
    found = int(right.sum())
    return {"accuracy": with_interval(found / len(right), wilson(found, len(right)))}
