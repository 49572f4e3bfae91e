"""Film reviews from sentence frames: praise and complaint on the same plans."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

from preprocessing.sample import complaints, praise
from preprocessing.sample.grammar import Deck, sentence
from preprocessing.sample.hard_reviews import HARD_REVIEWS, LONG_REVIEW_WORDS, HardReview
from preprocessing.sample.idioms import IDIOMS
from preprocessing.sample.review_aspects import ASPECTS, Aspect
from preprocessing.sample.review_words import NEUTRAL, SHARED, TITLES

SHORT_PLANS = (
    "idiom", "idiom", "idiom", "idiom", "idiom", "idiom", "idiom idiom", "idiom idiom",
    "idiom short", "neutral idiom", "verdict idiom",
    "verdict", "short", "short short", "experience", "contrast", "aspect", "two_aspects",
    "verdict closing", "aspect closing", "short aspect", "experience closing", "details",
    "mixed", "two_aspects short",
)  # fmt: skip
PLANS = (
    "verdict neutral aspect idiom two_aspects closing",
    "neutral neutral verdict aspect details closing",
    "experience verdict neutral idiom contrast details",
    "verdict aspect idiom details mixed experience",
    "neutral contrast two_aspects neutral verdict closing",
    "verdict neutral idiom experience mixed aspect short",
    "idiom verdict neutral aspect aspect idiom",
    "neutral idiom aspect contrast idiom",
    "contrast neutral two_aspects idiom closing",
    "neutral verdict experience two_aspects experience closing",
    "details neutral idiom verdict mixed short",
    "aspect two_aspects neutral idiom experience closing",
)
LONG_PLAN = "verdict neutral aspect details experience two_aspects contrast neutral aspect"


@dataclasses.dataclass(frozen=True)
class SampleReview:
    """One review. `rating` follows aclImdb: 7 to 10 is praise, 1 to 4 complaint."""

    label: str  # "pos" or "neg"
    rating: int
    text: str
    hard_case: str = ""  # name of a HardReview, or "beyond_512_tokens"


class Reviewer:
    """Writes the sentences of one opinion, "pos" or "neg"."""

    def __init__(self, rng: random.Random, label: str):
        own = praise if label == "pos" else complaints
        self.label, self._rng = label, rng
        self._words: dict[str, Sequence[str]] = {
            **SHARED, **own.WORDS, "good": praise.WORDS["adj"], "bad": complaints.WORDS["adj"],
        }  # fmt: skip
        self._decks = {
            "strong": Deck(rng, own.STRONG_VERDICTS),
            "mild": Deck(rng, own.MILD_VERDICTS),
            "experience": Deck(rng, own.EXPERIENCE),
            "contrast": Deck(rng, own.CONTRAST),
            "details": Deck(rng, own.DETAILS),
            "closing": Deck(rng, own.CLOSINGS),
            "short": Deck(rng, own.SHORTS),
            "neutral": Deck(rng, NEUTRAL),
            "idiom": Deck(rng, [pair[0 if label == "pos" else 1] for pair in IDIOMS]),
        }

    def review(self, plan: str, aspects: Sequence[Aspect], is_strong: bool) -> list[str]:
        """One sentence for each word of the plan."""
        self._words["title"] = (self._rng.choice(TITLES),)
        self._words["genre"] = (self._rng.choice(SHARED["genre"]),)
        left = iter(aspects)
        return [self._write(kind, left, is_strong) for kind in plan.split()]

    def rating(self, is_strong: bool) -> int:
        if self.label == "pos":
            return self._rng.choice((9, 10) if is_strong else (7, 8))
        return self._rng.choice((1, 2) if is_strong else (3, 4))

    def _write(self, kind: str, aspects: Any, is_strong: bool) -> str:
        if kind == "aspect":
            return self._expand(f"{self._opinion(next(aspects))}.")
        if kind == "two_aspects":
            first, second = self._opinion(next(aspects)), self._opinion(next(aspects))
            return self._expand(f"{first}(, and|;|, while) {second}.")
        if kind == "mixed":
            first = self._opinion(next(aspects), opposite=True)
            second = self._opinion(next(aspects))
            return self._expand(f"(|Granted, |True, |I admit that ){first}, but {second}.")
        if kind == "verdict":
            kind = "strong" if is_strong else "mild"
        return self._expand(self._decks[kind].deal())

    def _opinion(self, aspect: Aspect, opposite: bool = False) -> str:
        praises = (self.label == "pos") != opposite
        predicate = self._rng.choice(aspect.praise if praises else aspect.complaint)
        predicate = predicate.replace("{is}", "are" if aspect.plural else "is")
        return f"({aspect.subjects}) {predicate}"

    def _expand(self, template: str) -> str:
        return sentence(self._rng, template, self._words)


def write_reviews(
    rng: random.Random, pairs: int, hard_labels: str, long: int, taken: set[str]
) -> list[SampleReview]:
    """Reviews of one split, as many positive as negative.

    Args:
        rng: where all chance comes from.
        pairs: ordinary reviews of each label; two in five are one or two sentences long.
        hard_labels: "both" for each hard case with either label, "one" for them in turn.
        long: pairs of reviews beyond 512 tokens.
        taken: texts that must not be written again; the new ones are added.
    """
    reviewers = [Reviewer(rng, label) for label in ("pos", "neg")]
    plans, short_plans = Deck(rng, PLANS), Deck(rng, SHORT_PLANS)
    reviews: list[SampleReview] = []
    while len(reviews) < 2 * pairs:
        is_short = len(reviews) // 2 % 5 in (1, 3)
        pair = _pair(rng, reviewers, (short_plans if is_short else plans).deal())
        texts = {review.text for review in pair}
        if not texts & taken:
            taken |= texts
            reviews += pair
    for number, case in enumerate(HARD_REVIEWS):
        pair = _hard_pair(rng, reviewers, plans.deal(), case, text_first=number % 3 == 0)
        reviews += pair if hard_labels == "both" else [pair[number % 2]]
    for _ in range(long):
        reviews += _long_pair(rng, reviewers)
    return reviews


def _pair(rng: random.Random, reviewers: Sequence[Reviewer], plan: str) -> list[SampleReview]:
    """The same plan, the same parts of the film and the same strength, written twice."""
    aspects = rng.sample(ASPECTS, 6)
    is_strong = rng.random() < 0.65
    return [
        SampleReview(
            reviewer.label,
            reviewer.rating(is_strong),
            " ".join(reviewer.review(plan, aspects, is_strong)),
        )
        for reviewer in reviewers
    ]


def _hard_pair(
    rng: random.Random,
    reviewers: Sequence[Reviewer],
    plan: str,
    case: HardReview,
    text_first: bool,
) -> list[SampleReview]:
    """An ordinary pair with the case's text before or after it."""
    reviews = []
    texts = (case.praise, case.complaint)
    for review, text in zip(_pair(rng, reviewers, plan), texts, strict=True):
        parts = (text, review.text) if text_first else (review.text, text)
        reviews.append(dataclasses.replace(review, text=" ".join(parts), hard_case=case.name))
    return reviews


def _long_pair(rng: random.Random, reviewers: Sequence[Reviewer]) -> list[SampleReview]:
    reviews = []
    for reviewer in reviewers:
        sentences: list[str] = []
        while sum(len(text.split()) for text in sentences) < LONG_REVIEW_WORDS:
            sentences += reviewer.review(LONG_PLAN, rng.sample(ASPECTS, 4), True)
        rating = reviewer.rating(True)
        text = " ".join(sentences)
        reviews.append(SampleReview(reviewer.label, rating, text, "beyond_512_tokens"))
    return reviews
