"""Each hard case of the sample questions is there, by the property that makes it hard."""

import re

import pytest

from preprocessing.sample.hard_cases import QUESTION_CASES
from preprocessing.sample.hard_questions import HARD_QUESTIONS

V1_FILES = ("squad-v1.1-train.json", "squad-v1.1-dev.json")


def occurrences(text: str, part: str) -> list[int]:
    return [i for i in range(len(text)) if text.startswith(part, i)]


def tokens(text: str) -> int:
    """Of plain words WordPiece makes one token each; of others it makes more."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def find(samples, file, name):
    """(context, question, answer, answer_start) of a case."""
    for article in samples.articles(file):
        if article["title"].endswith(f"({name.replace('_', ' ')})"):
            paragraph = article["paragraphs"][0]
            entry = paragraph["qas"][0]
            answer = entry["answers"][0]
            return paragraph["context"], entry["question"], answer["text"], answer["answer_start"]
    raise AssertionError(f"{file} has no case {name}")


@pytest.mark.parametrize("file", V1_FILES)
@pytest.mark.parametrize("case", HARD_QUESTIONS, ids=lambda case: case.name)
def test_context_holds_what_makes_it_hard(samples, case, file):
    context, _, _, _ = find(samples, file, case.name)
    assert case.marker in context


PROPERTIES = {
    "answer_at_start": lambda context, question, answer, start: start == 0 and answer != context,
    "answer_at_end": lambda context, question, answer, start: (
        start > 0 and start + len(answer) == len(context)
    ),
    "answer_is_whole_context": lambda context, question, answer, start: answer == context,
    "one_word_context": lambda context, question, answer, start: len(context.split()) == 1,
    "answer_twice_first_meant": lambda context, question, answer, start: (
        len(occurrences(context, answer)) == 2 and start == occurrences(context, answer)[0]
    ),
    "answer_twice_second_meant": lambda context, question, answer, start: (
        len(occurrences(context, answer)) == 2 and start == occurrences(context, answer)[1]
    ),
    "long_answer": lambda context, question, answer, start: tokens(answer) > 30,
    "question_beyond_64_tokens": lambda context, question, answer, start: tokens(question) > 64,
    "answer_inside_hyphens": lambda context, question, answer, start: (
        context[start - 1] == context[start + len(answer)] == "-"
    ),
    "range_of_years": lambda context, question, answer, start: bool(
        re.fullmatch(r"\d{4}–\d{4}", answer)
    ),
    "very_long_word": lambda context, question, answer, start: max(map(len, context.split())) > 100,
    "characters_beyond_16_bits": lambda context, question, answer, start: any(
        ord(character) > 0xFFFF for character in context[:start]
    ),
}


@pytest.mark.parametrize("file", V1_FILES)
@pytest.mark.parametrize("name", PROPERTIES)
def test_case_has_its_property(samples, name, file):
    assert PROPERTIES[name](*find(samples, file, name))


@pytest.mark.parametrize(("file", "number"), [(V1_FILES[0], 2), (V1_FILES[1], 1)])
def test_some_contexts_need_several_windows(samples, file, number):
    almanacs = [a for a in samples.articles(file) if a["title"].startswith("Almanac")]

    assert len(almanacs) == number
    for article in almanacs:
        paragraph = article["paragraphs"][0]
        starts = [entry["answers"][0]["answer_start"] for entry in paragraph["qas"]]
        assert len(paragraph["context"].split()) > 400
        assert min(starts) < 0.2 * len(paragraph["context"])
        assert max(starts) > 0.7 * len(paragraph["context"])


@pytest.mark.parametrize("file", V1_FILES)
def test_windows_of_384_tokens_end_inside_the_answers_of_the_logs(samples, file):
    logs = [a for a in samples.articles(file) if a["title"].startswith("Log")]
    assert logs
    for article in logs:
        paragraph = article["paragraphs"][0]
        for entry, window_start in zip(paragraph["qas"], (0, 128), strict=True):
            answer = entry["answers"][0]
            first = tokens(paragraph["context"][: answer["answer_start"]])
            window_end = window_start + 384 - 3 - tokens(entry["question"])
            assert first < window_end < first + tokens(answer["text"])


def test_names_of_hard_cases_are_unique():
    assert len(set(QUESTION_CASES)) == len(QUESTION_CASES) == len(HARD_QUESTIONS) + 3
