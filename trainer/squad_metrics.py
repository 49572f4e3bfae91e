"""Exact match and F1 as the official SQuAD v1.1 and v2.0 scripts compute them, to the last digit.

Pure Python on the official JSON, without TensorFlow.
"""

import collections
import logging
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from preprocessing.errors import InputError
from trainer.squad_totals import best_thresholds, check_total, totals_v1, totals_v2

logger = logging.getLogger(__name__)

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower case, without ASCII punctuation, articles and extra white space."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(prediction: str, gold: str) -> int:
    """1 when both are equal after `normalize_answer`, otherwise 0."""
    return int(normalize_answer(prediction) == normalize_answer(gold))


def f1(prediction: str, gold: str) -> float:
    """The harmonic mean of precision and recall over normalized words, as v1.1 has it.

    Two answers without words have nothing in common: 0.
    """
    found, expected = normalize_answer(prediction).split(), normalize_answer(gold).split()
    same = sum((collections.Counter(found) & collections.Counter(expected)).values())
    if same == 0:
        return 0
    precision, recall = same / len(found), same / len(expected)
    return (2 * precision * recall) / (precision + recall)


def f1_v2(prediction: str, gold: str) -> float:
    """`f1`, where two answers without words are equal: 1 (v2.0)."""
    found, expected = normalize_answer(prediction), normalize_answer(gold)
    if not found or not expected:
        return int(found == expected)
    return f1(prediction, gold)


def score_v1(prediction: str, golds: Sequence[str]) -> tuple[int, float]:
    """Exact match and F1 with the best of at least one annotated answer, as v1.1 has it."""
    exact = max(exact_match(prediction, gold) for gold in golds)
    return exact, max(f1(prediction, gold) for gold in golds)


def score_v2(prediction: str, golds: Sequence[str]) -> tuple[int, float]:
    """The same as v2.0 has it: answers without words do not count, and none means "" is right."""
    golds = [gold for gold in golds if normalize_answer(gold)] or [""]
    exact = max(exact_match(prediction, gold) for gold in golds)
    return exact, max(f1_v2(prediction, gold) for gold in golds)


def evaluate_v1(dataset: Mapping[str, Any], predictions: Mapping[str, str]) -> dict[str, float]:
    """The figures of the official v1.1 script.

    Args:
        dataset: the content of a SQuAD JSON file, with "data" at the top.
        predictions: question id -> answer. A question without one counts 0, and is logged.

    Returns:
        "exact_match" and "f1" in percent.

    Raises:
        InputError: the data set has no question.
    """
    scores, missing = [], []
    for question in _questions(dataset):
        if question["id"] in predictions:
            scores.append(score_v1(predictions[question["id"]], _golds(question)))
        else:
            missing.append(question["id"])
            scores.append((0, 0.0))
    if missing:
        logger.warning(
            "%d of %d questions have no prediction and count 0, such as %s",
            len(missing),
            len(scores),
            missing[0],
        )
    return totals_v1([exact for exact, _ in scores], [overlap for _, overlap in scores])


def evaluate_v2(
    dataset: Mapping[str, Any],
    predictions: Mapping[str, str],
    null_odds: Mapping[str, float],
    threshold: float,
) -> dict[str, float]:
    """The figures of the official v2.0 script, with its --na-prob-file.

    Args:
        dataset: the content of a SQuAD JSON file, with "data" at the top.
        predictions: question id -> answer, "" for none.
        null_odds: question id -> how much speaks against an answer, on any scale.
        threshold: a question whose odds are greater counts as answered with "".

    Returns:
        "exact", "f1" and "total"; the same with "HasAns_" and "NoAns_" before, where there are
        such questions; "best_exact" and "best_f1", with the thresholds that give them,
        "best_exact_thresh" and "best_f1_thresh". Scores are in percent.

    Raises:
        InputError: a question has no prediction or no odds, or there is no question.
    """
    answerable = {q["id"]: bool(q["answers"]) for q in _questions(dataset)}
    check_total(len(answerable))
    for name, given in (("prediction", predictions), ("null odds", null_odds)):
        missing = [question_id for question_id in answerable if question_id not in given]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(answerable)} questions have no {name}, such as "
                f'{missing[0]}. SQuAD v2.0 needs one for each question, "" for no answer.'
            )
    found = {q["id"]: score_v2(predictions[q["id"]], _golds(q)) for q in _questions(dataset)}
    scores: dict[str, list[float]] = {
        "exact": [exact for exact, _ in found.values()],
        "f1": [overlap for _, overlap in found.values()],
    }
    odds = [null_odds[question_id] for question_id in answerable]
    has_answer = list(answerable.values())
    predicted = [bool(predictions[question_id]) for question_id in answerable]
    kept = {
        name: [
            float(not has) if value > threshold else score
            for score, value, has in zip(column, odds, has_answer, strict=True)
        ]
        for name, column in scores.items()
    }
    places = {question_id: row for row, question_id in enumerate(answerable)}
    # Equal odds keep the order that they were given in, as in the script.
    by_odds = [places[i] for i in sorted(null_odds, key=null_odds.__getitem__) if i in places]
    best = best_thresholds(scores, has_answer, predicted, odds, by_odds)
    return totals_v2(kept, has_answer) | best


def _questions(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for article in dataset["data"]:
        for paragraph in article["paragraphs"]:
            yield from paragraph["qas"]


def _golds(question: Mapping[str, Any]) -> list[str]:
    return [answer["text"] for answer in question["answers"]]
