"""The figures over a whole split: macro-F1 of texts, exact match and F1 of answers."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError
from preprocessing.record_text import SUFFIX
from preprocessing.vocabulary import load_vocabulary
from trainer.examples import Examples
from trainer.spans import Windows, best_spans, best_windows, describe_windows
from trainer.squad_metrics import evaluate_v1, evaluate_v2

OUTSIDE = "\N{REPLACEMENT CHARACTER}"  # in no token, so that nothing predicted can be equal to it
# Name in `squad_metrics.evaluate_v2` -> name in history.jsonl.
V2_FIGURES = {
    "exact": "exact_match",
    "f1": "f1",
    "HasAns_f1": "has_answer_f1",
    "NoAns_f1": "no_answer_f1",
    "best_exact": "best_exact_match",
    "best_f1": "best_f1",
    "best_f1_thresh": "best_f1_threshold",
}


class Predictions:
    """What a model says of each row of a split, put together from batches.

    Args:
        rows: of the split.
    """

    def __init__(self, rows: int):
        self._rows = rows
        self._arrays: dict[str, np.ndarray] = {}

    def add(self, batch: Mapping[str, np.ndarray]) -> None:
        """Adds `metrics.row_predictions` of a batch, in any order of the rows."""
        real = batch["row"] >= 0
        for name in batch.keys() - {"row"}:
            values = batch[name]
            if name not in self._arrays:
                self._arrays[name] = np.zeros((self._rows, *values.shape[1:]), values.dtype)
            self._arrays[name][batch["row"][real]] = values[real]

    def arrays(self) -> dict[str, np.ndarray]:
        """Field -> values, row by row."""
        return self._arrays


class Evaluator:
    """Computes a split's figures from a model's predictions.

    Args:
        examples: the split.
        info: of the data set.
        data_dir: where its vocabulary is.
        classes: the number of labels; not used for "squad".

    Raises:
        InputError: the windows of a question are not all there, or its id is not its own.
    """

    def __init__(self, examples: Examples, info: DatasetInfo, data_dir: pathlib.Path, classes: int):
        self._examples, self._classes = examples, classes
        self._answers = _Answers(examples, info, data_dir) if info.task == "squad" else None

    def figures(self, predictions: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The figures by name.

        Args:
            predictions: `Predictions.arrays`.

        Returns:
            "macro_f1", a share, of texts; "exact_match" and "f1" in percent, of answers, and with
            unanswerable questions those of `V2_FIGURES`.
        """
        if self._answers:
            return self._answers.figures(predictions)
        label = self._examples.labels["label"]
        return {"macro_f1": macro_f1(label, predictions["label"], self._classes)}


def macro_f1(label: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The mean of the F1 of each class, 0 for one that is never right.

    Classes that neither the labels nor the predictions have are left out, as scikit-learn does.

    Args:
        label: int[texts].
        predicted: int[texts].
        classes: the number of labels.
    """
    right = np.bincount(label[label == predicted], minlength=classes)
    there = np.bincount(label, minlength=classes) + np.bincount(predicted, minlength=classes)
    return float(np.mean(2.0 * right[there > 0] / there[there > 0]))


class _Answers:
    """The questions of a split, and how their answers are compared."""

    def __init__(self, examples: Examples, info: DatasetInfo, data_dir: pathlib.Path):
        self._examples = examples
        self._vocabulary = load_vocabulary(data_dir / info.vocabulary_file)
        self._has_unanswerable = info.has_unanswerable
        self._windows = _windows(examples, info)
        _check_windows(self._windows, data_dir)
        self._dataset = self._annotated()

    def figures(self, predictions: Mapping[str, np.ndarray]) -> dict[str, float]:
        score, first, last = best_spans(self._windows, predictions)
        best = best_windows(self._windows, score)
        answers = {
            str(number): self._text(row, first[row], last[row]) if np.isfinite(score[row]) else ""
            for number, row in enumerate(best.tolist())
        }
        if not self._has_unanswerable:
            return evaluate_v1(self._dataset, answers)
        null = predictions["null"].astype(np.float64).sum(axis=1)
        odds = self._least(null) - np.where(np.isfinite(score[best]), score[best], 0.0)
        null_odds = {str(number): float(value) for number, value in enumerate(odds)}
        found = evaluate_v2(self._dataset, answers, null_odds, threshold=0.0)
        return {ours: found[name] for name, ours in V2_FIGURES.items() if name in found}

    def _least(self, values: np.ndarray) -> np.ndarray:
        """The least value of each question's windows."""
        least = np.full(int(self._windows.question.max()) + 1, np.inf)
        np.minimum.at(least, self._windows.question, values)
        return least

    def _annotated(self) -> dict[str, list]:
        """The questions with the answers of their records, as `squad_metrics` reads them."""
        windows, examples = self._windows, self._examples
        answers = {int(q): [{"text": OUTSIDE}] for q in windows.question}
        for q in windows.question[examples.facts["is_impossible"] == 1]:
            answers[int(q)] = []
        start, end = examples.labels["start_token"], examples.labels["end_token"]
        for row in np.flatnonzero(start > 0).tolist():
            answers[int(windows.question[row])] = [{"text": self._text(row, start[row], end[row])}]
        qas = [{"id": str(number), "answers": answers[number]} for number in sorted(answers)]
        return {"data": [{"paragraphs": [{"qas": qas}]}]}

    def _text(self, row: int, first: int, last: int) -> str:
        begin = self._examples.offsets[row]
        tokens = self._examples.token_ids[begin + first : begin + last + 1]
        return spelled([self._vocabulary[token] for token in tokens])


def spelled(tokens: Sequence[str]) -> str:
    """Tokens as text: pieces of a word joined, words between spaces."""
    return " ".join(tokens).replace(f" {SUFFIX}", "").removeprefix(SUFFIX)


def _windows(examples: Examples, info: DatasetInfo) -> Windows:
    assert examples.segment_ids is not None  # windows have them
    in_context = np.add.reduceat(examples.segment_ids, examples.offsets[:-1], dtype=np.int64)
    max_seq_length, doc_stride = info.parameters["max_seq_length"], info.parameters["doc_stride"]
    assert isinstance(max_seq_length, int)
    assert isinstance(doc_stride, int)
    return describe_windows(
        examples.facts["question"],
        examples.facts["window"],
        examples.lengths - in_context,
        examples.lengths,
        max_seq_length,
        doc_stride,
    )


def _check_windows(windows: Windows, data_dir: pathlib.Path) -> None:
    """Checks that each question has its windows 0, 1, … once."""
    order = np.lexsort((windows.number, windows.question))
    first = np.searchsorted(windows.question[order], windows.question[order])
    if not np.array_equal(windows.number[order], np.arange(len(order)) - first):
        raise InputError(
            f"{data_dir}: the windows of a question are not 0, 1, … once each: two questions have "
            "one id, or records are missing. Preprocess again, with an id for each question."
        )
