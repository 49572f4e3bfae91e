"""Sentence templates with slots and alternatives, expanded from a seeded generator."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_SLOT = re.compile(r"\{(\w+)\}")
_ALTERNATIVES = re.compile(r"\(([^()]*\|[^()]*)\)")  # "(a|b)", without brackets inside
# "a" before a vowel's sound; "unique" and "useful" start with another sound than "unfair".
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!uniq|univ|unif|unit|use|usu|one\b|once|eu)[aeiou]|hon|hour)")


def expand(rng: random.Random, template: str, words: Mapping[str, Sequence[str]]) -> str:
    """The template with one of each "(a|b)" taken and each "{slot}" filled from `words`.

    Fillings may hold slots and alternatives themselves.

    Raises:
        KeyError: `words` has no such slot.
    """
    text = template
    while True:
        chosen = _ALTERNATIVES.sub(lambda match: rng.choice(match[1].split("|")), text)
        filled = _SLOT.sub(lambda match: rng.choice(words[match[1]]), chosen)
        if filled == text:
            return _ARTICLE.sub(r"\1n ", text)
        text = filled


def sentence(rng: random.Random, template: str, words: Mapping[str, Sequence[str]]) -> str:
    """`expand`, with a capital at the start."""
    text = expand(rng, template, words)
    return text[:1].upper() + text[1:]


class Deck(Generic[T]):
    """Deals the items in a shuffled order and shuffles again when all were dealt.

    Every item is used about equally often, which independent draws would not give.
    """

    def __init__(self, rng: random.Random, items: Sequence[T]):
        self._rng, self._items = rng, list(items)
        self._left: list[T] = []

    def deal(self) -> T:
        if not self._left:
            self._left = self._rng.sample(self._items, len(self._items))
        return self._left.pop()
