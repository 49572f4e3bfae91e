"""Contexts of several windows, with answers on the borders of the windows.

With 384 tokens to a window and a stride of 128, the first windows end near the context's tokens
368 and 496: what is left of 384 after the question and three special tokens.
"""

import random
import re
from collections.abc import Sequence
from typing import Any

from preprocessing.sample.grammar import sentence
from preprocessing.sample.names import Names
from preprocessing.sample.questions import (
    TOPICS,
    Answerable,
    Passage,
    draw_subject,
    question_id,
    write_passage,
)
from preprocessing.sample.topics import Topic

_TOKEN = re.compile(r"\w+|[^\w\s]")  # equals WordPiece for the plain words used here
_ANSWER_STARTS = (345, 473)  # tokens; the answers are about 44 long, and windows end inside them
_LOG_TOKENS = 620
_LONG_PASSAGES = 8  # of some 68 words each

_LOG_WORDS = {
    "side": ("north", "south", "east", "west"),
    "weather": ("calm", "grey", "cold", "warm", "dark", "clear", "wild", "heavy"),
    "number": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "time": ("morning", "evening", "night", "noon", "midnight", "dawn"),
    "work": ("cleaned the lamp", "painted the door", "cut wood", "wrote letters", "slept well",
             "counted the birds", "fixed the roof", "baked bread", "carried water", "read books"),
}  # fmt: skip
_LOG_LINES = (
    "The wind came from the {side} and the sea was {weather}.",
    "{number} ships passed on the {side} side.",
    "In the {time} we {work} and then {work}.",
    "It was a {weather} {time}.",
    "A {weather} {time}, with {number} hours of rain.",
    "We {work} until {time}.",
    "Nobody came, so we {work}.",
)
_COLORS = ("red", "green", "long", "old", "new", "small", "heavy", "broken", "white", "blue")
_THINGS = ("rope", "lamp", "chair", "map", "clock", "boat", "table", "door", "bell", "box", "coat",
           "window", "bed", "wheel", "flag", "piano", "mirror", "bottle")  # fmt: skip
# What each answer's sentence says around the list, and its question.
_LISTS = (
    ("The storm took", "What did the storm take?"),
    ("On Sunday the ship brought us", "Which things did the ship bring on Sunday?"),
)


def keepers_log(rng: random.Random, title: str) -> dict[str, Any]:
    """A lighthouse keeper's log of some 620 tokens; windows end inside both of its answers."""
    context, qas = "", []
    items = rng.sample([f"the {color} {thing}" for color in _COLORS for thing in _THINGS], 2 * 11)
    for (before, question), position, things in zip(
        _LISTS, _ANSWER_STARTS, (items[:11], items[11:]), strict=True
    ):
        context = _log(rng, context, position - len(before.split()))
        start = len(context) + len(before) + 1
        answer = f"{', '.join(things[:-1])} and {things[-1]}"
        context += f"{before} {answer}. "
        qas.append(_entry(title, question, answer, start))
    context = _log(rng, context, _LOG_TOKENS).rstrip()
    return {"title": title, "paragraphs": [{"context": context, "qas": qas}]}


def _log(rng: random.Random, context: str, num_tokens: int) -> str:
    """The log, continued to about this many tokens."""
    while len(_TOKEN.findall(context)) < num_tokens - 4:  # half a line
        context += sentence(rng, rng.choice(_LOG_LINES), _LOG_WORDS) + " "
    return context


def almanac(rng: random.Random, names: Names, title: str, num_questions: int) -> dict[str, Any]:
    """Passages about several subjects in one context of more than 400 words."""
    context = ""
    questions: list[tuple[Answerable, int]] = []
    for topic in rng.sample(TOPICS, _LONG_PASSAGES):
        passage, question = _passage_with_clear_question(rng, topic, names)
        offset = len(context) + 1 if context else 0
        context = f"{context} {passage.context}" if context else passage.context
        questions.append((question, offset))
    qas = [
        _entry(title, question.question, question.text, offset + question.start)
        for question, offset in _spread(questions, num_questions)
    ]
    return {"title": title, "paragraphs": [{"context": context, "qas": qas}]}


def _passage_with_clear_question(
    rng: random.Random, topic: Topic, names: Names
) -> tuple[Passage, Answerable]:
    """The question names its subject, since the context will be about others as well."""
    while True:
        passage = write_passage(rng, draw_subject(rng, topic, names))
        clear = [q for q in passage.questions if passage.subject.title in q.question]
        if clear:
            return passage, rng.choice(clear)


def _spread(items: Sequence[Any], number: int) -> list[Any]:
    """That many of the items, from the first to the last."""
    number = min(number, len(items))
    return [items[i * (len(items) - 1) // max(number - 1, 1)] for i in range(number)]


def _entry(title: str, question: str, answer: str, start: int) -> dict[str, Any]:
    return {
        "id": question_id(title, question),
        "question": question,
        "answers": [{"text": answer, "answer_start": start}],
    }
