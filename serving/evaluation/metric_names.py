"""The names that an evaluation's figures will have, known before it runs."""

import numpy as np

from serving.evaluation.text_figures import TextScores, text_measures
from trainer.squad_totals import best_thresholds, totals_v1, totals_v2

_NO_SHARES = {"loss", "examples", "rejected"}


def metric_names(task: str, label_count: int, is_v2: bool = False) -> frozenset[str]:
    """The names in metrics.json: those of the figures of a made-up input that has everything.

    Args:
        task: "imdb" or "squad".
        label_count: of a classifier.
        is_v2: whether questions without an answer are asked: SQuAD v2.0 has other names.
    """
    return _of_questions(is_v2) if task == "squad" else _of_texts(label_count)


def share_names(task: str, label_count: int) -> frozenset[str]:
    """Those of the names that are shares from 0 to 1; a reader's are in percent."""
    return frozenset() if task == "squad" else _of_texts(label_count) - _NO_SHARES


def _of_texts(label_count: int) -> frozenset[str]:
    probabilities = np.full((label_count, label_count), 1.0 / label_count)
    measures = text_measures(TextScores(np.arange(label_count), probabilities))
    return frozenset({*measures, "examples", "rejected"})


def _of_questions(is_v2: bool) -> frozenset[str]:
    column, has_answer = [1.0, 1.0], [True, False]
    if not is_v2:
        return frozenset({*totals_v1(column, column), "total"})
    columns = {"exact": column, "f1": column}
    found = totals_v2(columns, has_answer)
    return frozenset(found | best_thresholds(columns, has_answer, has_answer, column))
