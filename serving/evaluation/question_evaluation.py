"""A reader's answers to the official figures and files, question by question."""

import array
import dataclasses
from typing import Any

import numpy as np

from serving.evaluation.answers import Answer
from serving.evaluation.calibration import reliability
from serving.evaluation.examples import AskedQuestion
from serving.evaluation.intervals import bootstrap, wilson
from serving.evaluation.measures import Measure, mean_of, ratio_of
from serving.evaluation.most_wrong import MostWrong, surroundings
from serving.evaluation.output_files import OutputFiles
from serving.evaluation.result import Result, with_interval
from serving.evaluation.slices import SliceColumns, question_slices
from trainer.squad_metrics import score_v1, score_v2
from trainer.squad_totals import best_thresholds, totals_v1, totals_v2


class QuestionEvaluation:
    """Takes questions in the order of the source; holds the numbers that the figures are made of.

    Writes the files of `run_squad.py`: `predictions.json`, `nbest_predictions.json` and, for SQuAD
    v2.0, `null_odds.json`; for that also `span_predictions.json`, the best answers before the
    threshold; and `examples.jsonl`.
    """

    def __init__(self, files: OutputFiles, is_v2: bool):
        self._is_v2 = is_v2
        self._numbers = {
            name: array.array("d")
            for name in ("exact", "f1", "span_exact", "span_f1", "null_odds", "probability")
        }
        self._has_answer, self._predicted = bytearray(), bytearray()
        self._slices = SliceColumns()
        self._wrong = MostWrong()
        names = ["predictions", "nbest_predictions"]
        self._files = {name: files.object(name) for name in names}
        if is_v2:
            names = ["null_odds", "span_predictions"]
            self._files |= {name: files.object(name) for name in names}
        self._examples = files.lines("examples")

    def add(self, example: AskedQuestion, answer: Answer) -> None:
        """Adds a question with what the model said."""
        score = score_v2 if self._is_v2 else score_v1
        exact, f1 = score(answer.text, example.answers)
        span = (exact, f1) if answer.span == answer.text else score(answer.span, example.answers)
        row = (exact, f1, *span, answer.null_odds, answer.probability)
        for column, value in zip(self._numbers.values(), row, strict=True):
            column.append(value)
        self._has_answer.append(bool(example.answers))
        self._predicted.append(bool(answer.span))
        self._slices.add(question_slices(example))
        self._write(example, answer, exact, f1)

    def _write(self, example: AskedQuestion, answer: Answer, exact: int, f1: float) -> None:
        values = {
            "predictions": answer.text,
            "nbest_predictions": answer.n_best,
            "null_odds": answer.null_odds,
            "span_predictions": answer.span,
        }
        for name, file in self._files.items():
            file.add(example.id, values[name])
        entry: dict[str, Any] = {
            "id": example.id,
            "question": example.question,
            "answers": list(example.answers),
            "predicted": answer.text,
            "probability": answer.probability,
        }
        self._examples.add({**entry, "null_odds": answer.null_odds, "exact": exact, "f1": f1})
        if f1 == 0:
            place = surroundings(example, answer.start)
            self._wrong.add(answer.probability, {**entry, "context": place})

    def result(self) -> Result:
        """Ends the files, and gives the figures of what was added."""
        self._examples.end()
        for file in self._files.values():
            file.end()
        exact, f1, probability = (
            np.frombuffer(self._numbers[name]) for name in ("exact", "f1", "probability")
        )
        bins = reliability(probability, exact)
        return Result(
            metrics=self._metrics(),
            intervals=bootstrap(self._measures(exact, f1), len(exact)),
            slices=self._slices.summaries(lambda rows: _summary(exact[rows], f1[rows])),
            reliability=[dataclasses.asdict(one) for one in bins],
            most_wrong=self._wrong.entries(),
            extra={},
        )

    def _metrics(self) -> dict[str, float | int]:
        numbers = self._numbers
        if not self._is_v2:
            return {**totals_v1(numbers["exact"], numbers["f1"]), "total": len(numbers["exact"])}
        has_answer = list(map(bool, self._has_answer))
        predicted = list(map(bool, self._predicted))
        served = {name: numbers[name].tolist() for name in ("exact", "f1")}
        spans = {name: numbers[f"span_{name}"].tolist() for name in ("exact", "f1")}
        best = best_thresholds(spans, has_answer, predicted, numbers["null_odds"])
        return totals_v2(served, has_answer) | best

    def _measures(self, exact: np.ndarray, f1: np.ndarray) -> dict[str, Measure]:
        return question_measures(exact, f1, np.frombuffer(self._has_answer, np.uint8), self._is_v2)


def question_measures(
    exact: np.ndarray, f1: np.ndarray, has_answer: np.ndarray, is_v2: bool
) -> dict[str, Measure]:
    """The figures that are means over questions, in percent, by their names in metrics.json."""
    measures = {"exact" if is_v2 else "exact_match": mean_of(100 * exact), "f1": mean_of(100 * f1)}
    for prefix, rows in (("HasAns", has_answer == 1), ("NoAns", has_answer == 0)):
        if is_v2 and rows.any():
            measures[f"{prefix}_exact"] = ratio_of(100 * exact * rows, rows)
            measures[f"{prefix}_f1"] = ratio_of(100 * f1 * rows, rows)
    return measures


def _summary(exact: np.ndarray, f1: np.ndarray) -> dict[str, Any]:
    right, count = int(exact.sum()), len(exact)
    low, high = wilson(right, count)
    f1_interval = bootstrap({"f1": mean_of(100 * f1)}, count)["f1"]
    return {
        "exact": with_interval(100 * right / count, (100 * low, 100 * high)),
        "f1": with_interval(100 * float(f1.mean()), f1_interval),
    }
