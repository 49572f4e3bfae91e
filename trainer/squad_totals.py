"""From the scores of single questions to the figures of the official SQuAD scripts.

Columns of numbers are all that is held: a data set of any size can be scored while it streams by.
Sums run in the order of the data set, as the scripts' do, so that even the rounding is the same.
"""

from collections.abc import Mapping, Sequence

from preprocessing.errors import InputError

# "exact" and "f1" -> a score in [0, 1] for each question, in the order of the data set
Columns = Mapping[str, Sequence[float]]


def totals_v1(exact: Sequence[float], f1: Sequence[float]) -> dict[str, float]:
    """ "exact_match" and "f1" in percent, as the v1.1 script sums them.

    Raises:
        InputError: there is no question.
    """
    check_total(len(exact))
    overlap = 0.0
    for score in f1:  # one by one, as the script does: `sum` of Python 3.12 rounds otherwise
        overlap += score
    return {"exact_match": 100.0 * sum(exact) / len(exact), "f1": 100.0 * overlap / len(f1)}


def totals_v2(scores: Columns, has_answer: Sequence[bool]) -> dict[str, float]:
    """ "exact", "f1" and "total"; the same with "HasAns_" and "NoAns_", where there are such.

    Args:
        scores: of the answers that are given, after any threshold.
        has_answer: whether the data set has an answer to the question.

    Raises:
        InputError: there is no question.
    """
    check_total(len(has_answer))
    result = _means(scores, range(len(has_answer)), "")
    for prefix, wanted in (("HasAns_", True), ("NoAns_", False)):
        rows = [row for row, has in enumerate(has_answer) if bool(has) == wanted]
        result |= _means(scores, rows, prefix)
    return result


def best_thresholds(
    scores: Columns,
    has_answer: Sequence[bool],
    predicted: Sequence[bool],
    null_odds: Sequence[float],
    by_odds: Sequence[int] | None = None,
) -> dict[str, float]:
    """ "best_exact" and "best_f1", and "best_<name>_thresh", the null odds that give them.

    Args:
        scores: of the answers before any threshold.
        has_answer: whether the data set has an answer to the question.
        predicted: whether the answer before any threshold is not "".
        null_odds: how much speaks against an answer, on any scale.
        by_odds: the rows in the order of rising odds; equal ones in that of the data set unless
            it is given.
    """
    if by_odds is None:
        by_odds = sorted(range(len(null_odds)), key=null_odds.__getitem__)
    result: dict[str, float] = {}
    for name, column in scores.items():
        # Raises the threshold question by question, from answering none; the first best wins.
        current: float = sum(1 for has in has_answer if not has)
        best, threshold = current, 0.0
        for row in by_odds:
            if has_answer[row]:
                current += column[row]
            elif predicted[row]:
                current -= 1  # it was right without an answer
            if current > best:
                best, threshold = current, null_odds[row]
        result |= {f"best_{name}": 100.0 * best / len(column), f"best_{name}_thresh": threshold}
    return result


def check_total(total: int) -> None:
    """Raises InputError where there is nothing to score."""
    if total == 0:
        raise InputError("the data set has no question, expected at least one to evaluate on.")


def _means(scores: Columns, rows: Sequence[int], prefix: str) -> dict[str, float]:
    if not rows:
        return {}
    means = {
        f"{prefix}{name}": 100.0 * sum(column[row] for row in rows) / len(rows)
        for name, column in scores.items()
    }
    return means | {f"{prefix}total": len(rows)}
