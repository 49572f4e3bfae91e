"""Paragraphs with questions, made from topics, in the layout of SQuAD."""

import dataclasses
import hashlib
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from preprocessing.sample.grammar import expand
from preprocessing.sample.names import Names, draw_words
from preprocessing.sample.topics import Fact, Topic
from preprocessing.sample.topics_institutions import INSTITUTIONS
from preprocessing.sample.topics_people import PEOPLE
from preprocessing.sample.topics_places import PLACES
from preprocessing.sample.topics_things import THINGS

TOPICS: tuple[Topic, ...] = (*PLACES, *PEOPLE, *INSTITUTIONS, *THINGS)
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"(?:an?|the) ", re.IGNORECASE)
_MIN_WORDS = 64  # of a paragraph, before no more facts are added


@dataclasses.dataclass(frozen=True)
class Subject:
    """A topic with every slot filled: what is true of one made-up town, ship or bird."""

    topic: Topic
    words: Mapping[str, str]

    @property
    def title(self) -> str:
        return self.words["name"]


@dataclasses.dataclass(frozen=True)
class Answerable:
    """A question with the slice of the context that answers it."""

    question: str
    slot: str
    start: int
    text: str


@dataclasses.dataclass(frozen=True)
class Passage:
    """A context with all the questions that can be asked about it."""

    subject: Subject
    context: str
    questions: tuple[Answerable, ...]
    left_out: tuple[Fact, ...]  # facts of the subject that the context does not tell


def draw_subject(rng: random.Random, topic: Topic, names: Names) -> Subject:
    """Fills the slots of a topic; no two people or towns of a subject are the same."""
    words = draw_words(rng, names, topic.gap)
    for slot, values in topic.slots.items():
        value = rng.choice(values)
        words[slot] = f"{value:,}" if isinstance(value, int) else str(value)
    words["name"] = topic.name.format(**words)
    return Subject(topic, words)


def write_passage(rng: random.Random, subject: Subject) -> Passage:
    """A paragraph: the fact that introduces the subject, then others in any order."""
    first, *others = subject.topic.facts
    rng.shuffle(others)
    context, told = "", 0
    questions: list[Answerable] = []
    for fact in (first, *others):
        if told and (len(context.split()) >= _MIN_WORDS or told == len(others)):
            break
        start = len(context) + 1 if context else 0
        sentence, slots = _write_sentence(rng, fact, subject.words)
        context = f"{context} {sentence}" if context else sentence
        questions += _questions(rng, fact, subject.words, context, start, slots)
        told += 1
    return Passage(subject, context, tuple(questions), tuple(others[told - 1 :]))


def _write_sentence(
    rng: random.Random, fact: Fact, words: Mapping[str, str]
) -> tuple[str, dict[str, tuple[int, int]]]:
    """A wording of the fact, and where in it each slot's text stands."""
    template = expand(rng, rng.choice(fact.sentences), {slot: (f"{{{slot}}}",) for slot in words})
    text, end = "", 0
    slots: dict[str, tuple[int, int]] = {}
    for match in _SLOT.finditer(template):
        text += template[end : match.start()]
        value = words[match[1]]
        slots.setdefault(match[1], (len(text), len(text) + len(value)))
        text, end = text + value, match.end()
    text += template[end:]
    return text[:1].upper() + text[1:], slots


def _questions(
    rng: random.Random,
    fact: Fact,
    words: Mapping[str, str],
    context: str,
    sentence_start: int,
    slots: Mapping[str, tuple[int, int]],
) -> Iterator[Answerable]:
    """One question for each slot that the sentence tells and the fact has questions for."""
    for slot, wordings in fact.questions.items():
        if slot in slots:
            start, end = (sentence_start + offset for offset in slots[slot])
            question = rng.choice(wordings).format(**words)
            yield Answerable(question[:1].upper() + question[1:], slot, start, context[start:end])


def article_of_passage(
    rng: random.Random, passage: Passage, answerable: int, impossible: int, several_answers: bool
) -> dict[str, Any]:
    """A SQuAD article of one paragraph, with that many questions of each kind.

    `impossible` > 0 makes it an article of v2.0.
    """
    chosen = rng.sample(passage.questions, min(answerable, len(passage.questions)))
    qas: list[dict[str, Any]] = [
        {
            "id": question_id(passage.context, question.question),
            "question": question.question,
            "answers": _answers(rng, passage.context, question, several_answers),
        }
        for question in chosen
    ]
    if impossible:
        for entry in qas:
            entry["is_impossible"] = False
        qas += _impossible(rng, passage, impossible)
    paragraph = {"context": passage.context, "qas": qas}
    return {"title": passage.subject.title, "paragraphs": [paragraph]}


def question_id(context: str, question: str) -> str:
    """24 hexadecimal digits, as in the official files."""
    return hashlib.sha256(f"{context}\n{question}".encode()).hexdigest()[:24]


def _answers(
    rng: random.Random, context: str, question: Answerable, more: bool
) -> list[dict[str, Any]]:
    """The annotated answer and, as in the official dev sets, up to two of other annotators."""
    spans = [(question.start, question.start + len(question.text))]
    if more:
        start, end = spans[0]
        article = _ARTICLE.match(question.text)
        shorter = start + article.end() if article else start
        spans += [(shorter, end), (start, end)][: rng.randrange(3)]
    return [{"text": context[start:end], "answer_start": start} for start, end in spans]


def _impossible(rng: random.Random, passage: Passage, number: int) -> list[dict[str, Any]]:
    """Questions about facts that the passage leaves out, with a plausible answer of its kind."""
    words = passage.subject.words
    asked = [
        (slot, wording.format(**words))
        for fact in passage.left_out
        for slot, wordings in fact.questions.items()
        for wording in wordings
        if slot not in {question.slot for question in passage.questions}
    ]
    return [
        {
            "id": question_id(passage.context, question),
            "question": question,
            "answers": [],
            "is_impossible": True,
            "plausible_answers": _plausible_answers(rng, passage, slot),
        }
        for slot, question in rng.sample(asked, min(number, len(asked)))
    ]


def _plausible_answers(rng: random.Random, passage: Passage, slot: str) -> list[dict[str, Any]]:
    """A year for a year and a person for a person, if the passage has one; else anything."""
    kind = slot.rstrip("0123456789")
    same = [q for q in passage.questions if q.slot.rstrip("0123456789") == kind]
    guess = rng.choice(same or passage.questions)
    return [{"text": guess.text, "answer_start": guess.start}]
