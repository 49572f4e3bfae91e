"""Exact match and F1 as the official SQuAD v1.1 and v2.0 scripts compute them, to the last digit.

Pure Python on the official JSON, without TensorFlow. Sums run in the order of the data set, as
the scripts' do, so that even the rounding is the same.
"""

import collections
import logging
import re
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from preprocessing.errors import InputError

logger = logging.getLogger(__name__)

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)

Scores = dict[str, float]  # question id -> score in [0, 1]


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
    total, exact, overlap = 0, 0, 0.0
    missing = []
    for question in _questions(dataset):
        total += 1
        if question["id"] not in predictions:
            missing.append(question["id"])
            continue
        golds = [answer["text"] for answer in question["answers"]]
        exact += max(exact_match(predictions[question["id"]], gold) for gold in golds)
        overlap += max(f1(predictions[question["id"]], gold) for gold in golds)
    _check_total(total)
    if missing:
        logger.warning(
            "%d of %d questions have no prediction and count 0, such as %s",
            len(missing),
            total,
            missing[0],
        )
    return {"exact_match": 100.0 * exact / total, "f1": 100.0 * overlap / total}


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
    _check_total(len(answerable))
    for name, given in (("prediction", predictions), ("null odds", null_odds)):
        missing = [question_id for question_id in answerable if question_id not in given]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(answerable)} questions have no {name}, such as "
                f'{missing[0]}. SQuAD v2.0 needs one for each question, "" for no answer.'
            )
    raw = {
        "exact": _raw_scores(dataset, predictions, exact_match),
        "f1": _raw_scores(dataset, predictions, f1_v2),
    }
    kept = {
        name: _with_threshold(scores, answerable, null_odds, threshold)
        for name, scores in raw.items()
    }
    result = _means(kept, list(answerable), "")
    for prefix, wanted in (("HasAns_", True), ("NoAns_", False)):
        result |= _means(kept, [i for i, has in answerable.items() if has == wanted], prefix)
    for name, scores in raw.items():
        best, best_threshold = _best_threshold(predictions, scores, null_odds, answerable)
        result |= {f"best_{name}": best, f"best_{name}_thresh": best_threshold}
    return result


def _questions(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for article in dataset["data"]:
        for paragraph in article["paragraphs"]:
            yield from paragraph["qas"]


def _check_total(total: int) -> None:
    if total == 0:
        raise InputError("the data set has no question, expected at least one to evaluate on.")


def _raw_scores(
    dataset: Mapping[str, Any],
    predictions: Mapping[str, str],
    score: Callable[[str, str], float],
) -> Scores:
    scores = {}
    for question in _questions(dataset):
        texts = [answer["text"] for answer in question["answers"]]
        golds = [text for text in texts if normalize_answer(text)] or [""]
        scores[question["id"]] = max(score(predictions[question["id"]], gold) for gold in golds)
    return scores


def _with_threshold(
    scores: Scores,
    answerable: Mapping[str, bool],
    null_odds: Mapping[str, float],
    threshold: float,
) -> Scores:
    return {
        question_id: float(not answerable[question_id])
        if null_odds[question_id] > threshold
        else score
        for question_id, score in scores.items()
    }


def _means(kept: Mapping[str, Scores], question_ids: list[str], prefix: str) -> dict[str, float]:
    if not question_ids:
        return {}
    total = len(question_ids)
    means = {
        f"{prefix}{name}": 100.0 * sum(scores[i] for i in question_ids) / total
        for name, scores in kept.items()
    }
    return means | {f"{prefix}total": total}


def _best_threshold(
    predictions: Mapping[str, str],
    scores: Scores,
    null_odds: Mapping[str, float],
    answerable: Mapping[str, bool],
) -> tuple[float, float]:
    """Raises the threshold question by question, from answering none; the first best wins."""
    current: float = sum(1 for has_answer in answerable.values() if not has_answer)
    best, best_threshold = current, 0.0
    for question_id in sorted(null_odds, key=lambda i: null_odds[i]):
        if question_id not in scores:
            continue
        if answerable[question_id]:
            current += scores[question_id]
        elif predictions[question_id]:
            current -= 1  # it was right without an answer
        if current > best:
            best, best_threshold = current, null_odds[question_id]
    return 100.0 * best / len(scores), best_threshold
