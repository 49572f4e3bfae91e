"""Answers, splits and unanswerable questions of the sample SQuAD files."""

import statistics

import pytest

from tests.preprocessing.sample.conftest import QUESTION_FILES


@pytest.mark.parametrize("file", QUESTION_FILES)
def test_every_answer_stands_at_its_answer_start(samples, file):
    for context, entry in samples.questions(file):
        for answer in [*entry["answers"], *entry.get("plausible_answers", [])]:
            start, text = answer["answer_start"], answer["text"]
            assert text.strip()
            assert context[start : start + len(text)] == text, entry["question"]


@pytest.mark.parametrize("file", QUESTION_FILES)
def test_ids_are_unique(samples, file):
    ids = [entry["id"] for _, entry in samples.questions(file)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("field", ["title", "context"])
def test_training_and_dev_share_nothing(samples, field):
    def values(file):
        articles = samples.articles(file)
        return {a["title"] if field == "title" else a["paragraphs"][0]["context"] for a in articles}

    train = values("squad-v1.1-train.json") | values("squad-v2.0-train.json")
    dev = values("squad-v1.1-dev.json") | values("squad-v2.0-dev.json")

    assert not train & dev


@pytest.mark.parametrize("file", QUESTION_FILES)
def test_fields_are_those_of_the_official_files(samples, file):
    v2 = "v2.0" in file
    for article in samples.articles(file):
        assert set(article) == {"title", "paragraphs"}
    for _, entry in samples.questions(file):
        impossible = entry.get("is_impossible", False)
        assert set(entry) == {"id", "question", "answers"} | (
            ({"is_impossible"} if v2 else set()) | ({"plausible_answers"} if impossible else set())
        )


@pytest.mark.parametrize("file", QUESTION_FILES[2:])
def test_about_a_third_of_v2_is_unanswerable(samples, file):
    entries = [entry for _, entry in samples.questions(file)]
    impossible = [entry for entry in entries if entry["is_impossible"]]

    assert 0.3 < len(impossible) / len(entries) < 0.4
    assert all(entry["answers"] == [] for entry in impossible)
    assert all(len(entry["plausible_answers"]) == 1 for entry in impossible)
    assert all(entry["answers"] for entry in entries if not entry["is_impossible"])


def test_dev_questions_have_one_to_three_answers_and_training_questions_one(samples):
    def numbers(file):
        return {len(entry["answers"]) for _, entry in samples.questions(file)}

    assert numbers("squad-v1.1-dev.json") == {1, 2, 3}
    assert numbers("squad-v1.1-train.json") == {1}


def test_no_slot_is_left_unfilled(samples):
    for file in QUESTION_FILES:
        for context, entry in samples.questions(file):
            assert not set("{}⟦⟧|") & set(context + entry["question"]), entry


def test_most_contexts_are_60_to_120_words(samples):
    lengths = [len(p["context"].split()) for p in samples.paragraphs("squad-v1.1-train.json")]

    assert 60 < statistics.median(lengths) < 120


def test_questions_are_varied(samples):
    questions = [entry["question"] for _, entry in samples.questions("squad-v1.1-train.json")]
    first_words = {question.split()[0] for question in questions}

    assert {"Who", "When", "Where", "What", "Which", "How", "Why", "In"} <= first_words
    assert len(set(questions)) > 500
