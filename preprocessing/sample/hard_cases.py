"""SQuAD articles of the hard cases, and the names of all hard cases for tests and docs."""

import random
from collections.abc import Sequence
from typing import Any

from preprocessing.sample.hard_questions import HARD_QUESTIONS, IMPOSSIBLE_QUESTIONS, HardQuestion
from preprocessing.sample.hard_reviews import HARD_REVIEWS
from preprocessing.sample.names import Names, draw_words
from preprocessing.sample.questions import question_id

REVIEW_CASES = (*(case.name for case in HARD_REVIEWS), "beyond_512_tokens")
QUESTION_CASES = (
    *(case.name for case in HARD_QUESTIONS),
    "several_windows",
    "answer_across_window_border",
    "unanswerable",
)


def hard_articles(
    rng: random.Random, names: Names, cases: Sequence[HardQuestion], v2: bool
) -> list[dict[str, Any]]:
    """An article for each case; in v2.0 with an unanswerable question besides the other."""
    return [_article(rng, names, case, v2) for case in cases]


def _article(rng: random.Random, names: Names, case: HardQuestion, v2: bool) -> dict[str, Any]:
    words = draw_words(rng, names, range(5, 30))
    before, answer, after = case.context.replace("⟧", "⟦").split("⟦")
    before, answer, after = (part.format(**words) for part in (before, answer, after))
    context, title = before + answer + after, f"{words['t1']} ({case.name.replace('_', ' ')})"
    question = case.question.format(**words)
    found = [{"text": answer, "answer_start": len(before)}]
    entry: dict[str, Any] = {
        "id": question_id(title, question),
        "question": question,
        "answers": found,
    }
    qas: list[dict[str, Any]] = [entry]
    if v2:
        entry["is_impossible"] = False
        qas.append(_impossible(title, rng.choice(IMPOSSIBLE_QUESTIONS), found))
    return {"title": title, "paragraphs": [{"context": context, "qas": qas}]}


def _impossible(title: str, question: str, plausible: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": question_id(title, question),
        "question": question,
        "answers": [],
        "is_impossible": True,
        "plausible_answers": plausible,
    }
