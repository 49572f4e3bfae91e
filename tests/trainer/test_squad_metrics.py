"""trainer/squad_metrics.py. Expected values are computed by hand from the published definition."""

import pytest

from preprocessing.errors import InputError
from trainer.squad_metrics import (
    evaluate_v1,
    evaluate_v2,
    exact_match,
    f1,
    f1_v2,
    normalize_answer,
)


def dataset(**golds):
    qas = [
        {"id": name, "question": "?", "answers": [{"text": text} for text in texts]}
        for name, texts in golds.items()
    ]
    return {
        "data": [
            {"paragraphs": [{"context": "", "qas": qas[:1]}]},
            {"paragraphs": [{"context": "", "qas": qas[1:]}]},
        ]
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("The Cat's  hat.", "cats hat", id="article-case-punctuation-spaces"),
        pytest.param("a an the", "", id="only-articles"),
        pytest.param("theatre another", "theatre another", id="articles-inside-words"),
        pytest.param("the-end", "theend", id="punctuation-goes-before-articles"),
        pytest.param("“Café”", "“café”", id="only-ascii-punctuation"),
        pytest.param("1,000\t\n2", "1000 2", id="digits-and-white-space"),
    ],
)
def test_normalize_answer(text, expected):
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    ("prediction", "gold", "exact", "overlap"),
    [
        pytest.param("the cat", "Cat!", 1, 1.0, id="equal-when-normalized"),
        pytest.param("big cat", "small cat", 0, 0.5, id="half"),
        # precision 1/3, recall 1: 2 * (1/3) / (4/3)
        pytest.param("x y cat", "cat", 0, 0.5, id="too-long"),
        # "b b" and "b": one in common, precision 1/2, recall 1
        pytest.param("b b", "b", 0, 2 / 3, id="repeated-word-counts-once"),
        pytest.param("dog", "cat", 0, 0, id="nothing"),
        pytest.param("the", "an", 1, 0, id="no-words-left"),
    ],
)
def test_exact_match_and_f1(prediction, gold, exact, overlap):
    assert (exact_match(prediction, gold), f1(prediction, gold)) == (exact, overlap)


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [("", "", 1), ("the", "", 1), ("cat", "", 0), ("", "cat", 0), ("big cat", "cat hat", 0.5)],
)
def test_f1_v2_knows_no_answer(prediction, gold, expected):
    assert f1_v2(prediction, gold) == expected


def test_evaluate_v1_takes_the_best_gold_and_counts_missing_as_zero(caplog):
    golds = dataset(q1=["small cat", "cat"], q2=["a dog", "dog house"], q3=["x"])
    # q1: exact with the second gold; q2: "dog house big" has f1 2*1*(2/3)/(5/3) = 0.8; q3: none
    result = evaluate_v1(golds, {"q1": "The cat", "q2": "dog house big"})
    assert result == {"exact_match": 100.0 * 1 / 3, "f1": 100.0 * (1.0 + 0.8) / 3}
    assert "1 of 3 questions have no prediction and count 0, such as q3" in caplog.text


def test_evaluate_v2_by_hand():
    golds = dataset(has1=["cat"], has2=["red dog"], no1=[], no2=[])
    predictions = {"has1": "cat", "has2": "dog", "no1": "", "no2": "house"}
    null_odds = {"has1": -5.0, "has2": -1.0, "no1": 3.0, "no2": 1.0}
    # The threshold 0 makes no2 empty: exact 1, 0, 1, 1; f1 1, 2/3, 1, 1.
    # Thresholds from below: 2 right by silence; has1 +1; has2 +0 exact, +2/3 f1; no2 -1; no1 +0.
    two_thirds = (2 * 1.0 * 0.5) / 1.5
    assert evaluate_v2(golds, predictions, null_odds, 0.0) == {
        "exact": 75.0,
        "f1": 100.0 * (1 + two_thirds + 1.0 + 1.0) / 4,
        "total": 4,
        "HasAns_exact": 50.0,
        "HasAns_f1": 100.0 * (1 + two_thirds) / 2,
        "HasAns_total": 2,
        "NoAns_exact": 100.0,
        "NoAns_f1": 100.0,
        "NoAns_total": 2,
        "best_exact": 75.0,
        "best_exact_thresh": -5.0,
        "best_f1": 100.0 * (3 + two_thirds) / 4,
        "best_f1_thresh": -1.0,
    }


def test_evaluate_v2_without_unanswerable_questions_has_no_noans_figures():
    result = evaluate_v2(dataset(q=["cat"]), {"q": "cat"}, {"q": 0.5}, threshold=0.0)
    # The odds 0.5 are above the threshold: the answer is not given.
    assert (result["exact"], result["HasAns_exact"], result["best_exact"]) == (0.0, 0.0, 100.0)
    assert "NoAns_exact" not in result


@pytest.mark.parametrize(
    ("predictions", "null_odds", "message"),
    [
        ({}, {"q": 0.0}, r"1 of 1 questions have no prediction, such as q"),
        ({"q": "cat"}, {}, r"1 of 1 questions have no null odds, such as q"),
    ],
)
def test_evaluate_v2_names_a_missing_question(predictions, null_odds, message):
    with pytest.raises(InputError, match=message):
        evaluate_v2(dataset(q=["cat"]), predictions, null_odds, 0.0)


def test_no_questions_is_an_input_error():
    with pytest.raises(InputError, match="no question"):
        evaluate_v1({"data": []}, {})
