"""Balance and hard cases of the sample reviews."""

import statistics

import pytest

from preprocessing.sample.hard_cases import REVIEW_CASES
from preprocessing.sample.hard_reviews import HARD_REVIEWS


def words(reviews: list[str]) -> list[int]:
    return [len(review.split()) for review in reviews]


@pytest.mark.parametrize("split", ["train", "test"])
def test_only_the_opinion_separates_the_labels(samples, split):
    positive, negative = samples.reviews(split, "pos"), samples.reviews(split, "neg")

    assert len(positive) == len(negative)
    assert statistics.mean(words(positive)) == pytest.approx(
        statistics.mean(words(negative)), rel=0.05
    )
    for quantile in range(3):
        assert statistics.quantiles(words(positive))[quantile] == pytest.approx(
            statistics.quantiles(words(negative))[quantile], abs=6
        )


def test_most_reviews_are_short_enough_to_train_on_quickly(samples):
    lengths = sorted(words(samples.reviews("train")))

    assert statistics.median(lengths) < 60
    assert lengths[len(lengths) * 9 // 10] < 90


def test_reviews_are_varied(samples):
    reviews = samples.reviews("train")

    assert len(set(reviews)) == len(reviews)
    assert len({word.lower() for review in reviews for word in review.split()}) > 2000


def test_no_test_review_is_a_training_review(samples):
    assert not set(samples.reviews("train")) & set(samples.reviews("test"))


@pytest.mark.parametrize("case", HARD_REVIEWS, ids=lambda case: case.name)
def test_hard_case_is_in_both_splits(samples, case):
    for label, text in (("pos", case.praise), ("neg", case.complaint)):
        assert case.marker in text
        assert any(text in review for review in samples.reviews("train", label))
    assert any(case.marker in review for review in samples.reviews("test"))


@pytest.mark.parametrize(
    "character",
    ["\u200b", "\u200c", "\u200d", "\ufeff", "\u00ad", "\x07", "\x1b", "\ufffd", "\u00a0", "\u3000",
     "\u2028", "\u0301", "\u00e9", "\u7535", "\U0001f468", "\u05e1", "\u0444", "\u092b", "\u0130",
     "\u00df", "\u03a3", "\t", "\r"],
    ids=lambda character: f"U+{ord(character):04X}",
)  # fmt: skip
def test_character_is_in_the_training_reviews(samples, character):
    assert any(character in review for review in samples.reviews("train"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_label_has_reviews_beyond_512_tokens(samples, split):
    for label in ("pos", "neg"):
        lengths = words(samples.reviews(split, label))
        assert any(700 <= length <= 1000 for length in lengths)  # at least a token for a word


def test_names_of_hard_cases_are_unique():
    assert len(set(REVIEW_CASES)) == len(REVIEW_CASES) == 25
