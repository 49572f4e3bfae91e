"""What a paragraph can be about: facts, each with its wordings and the questions it answers."""

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Fact:
    """One statement. Sentences and questions hold "{slot}"s and "(one|other)" wordings."""

    sentences: tuple[str, ...]
    questions: Mapping[str, tuple[str, ...]]  # slot that is the answer -> wordings


@dataclasses.dataclass(frozen=True)
class Topic:
    """A kind of subject. The first fact introduces it, the others follow in any order.

    Besides its own slots a topic can use "{p1}" to "{p4}" (people; "{last1}", "{he1}", "{his1}"
    of each), "{t1}" to "{t4}" (towns), "{river}" and "{y1}" to "{y5}" (years, ascending).
    """

    name: str  # template of the slot "{name}", and the article's title
    slots: Mapping[str, Sequence[str] | range]  # a range gives numbers
    facts: tuple[Fact, ...]
    gap: range = range(5, 48)  # years from each of "{y1}" to "{y5}" to the next


def fact(*sentences: str, **questions: tuple[str, ...]) -> Fact:
    return Fact(sentences, questions)
