"""Invented people, towns and rivers; training and dev sets draw from separate names."""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Names:
    """What the entities of one split are called."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    last: tuple[str, ...]
    town_starts: tuple[str, ...]
    town_ends: tuple[str, ...]
    rivers: tuple[str, ...]

    def towns(self) -> tuple[str, ...]:
        return tuple(start + end for start in self.town_starts for end in self.town_ends)

    def person(self, rng: random.Random, last: str) -> dict[str, str]:
        """First and last name, and the pronouns that go with the first name."""
        is_woman = rng.random() < 0.5
        first = rng.choice(self.women if is_woman else self.men)
        he, his = ("she", "her") if is_woman else ("he", "his")
        return {"p": f"{first} {last}", "last": last, "he": he, "his": his}


TRAIN_NAMES = Names(
    women=tuple(
        "Agnes Beatrice Carmen Dorothea Elena Fatima Greta Hannah Isabel Johanna Katarina Laura "
        "Miriam Nora Olivia Paula Ruth Sarah Teresa Ursula Vera Wanda Yvonne Zora".split()
    ),
    men=tuple(
        "Albert Bruno Conrad David Edgar Frederick Gustav Harold Ivan Jacob Karl Leonard Martin "
        "Nicholas Oscar Philip Robert Stefan Thomas Ulrich Vincent William Xavier Yusuf".split()
    ),
    last=tuple(
        "Adler Barlow Castro Dahl Ellwood Fontaine Garrick Holm Ibsen Jarrow Keller Lorimer Mercer "
        "Norling Ostrov Palmer Quintana Reyes Sandberg Tolliver Underhill Valdez Yorke Zamora "
        "Ashby Brennan Corbett Dunmore Esposito Falk Grimaldi Hawke Ivory Janssen Kimball Lund "
        "Malloy Nyberg Oakes Pereira Renner Stroud Teller Vogel Weaver Crane Moss".split()
    ),
    town_starts=tuple(
        "Alder Bram Cold Dun Elm Fair Green Hart Iron King Long Mar Nor Oak Pen Raven Stone Thorn "
        "West Wolf".split()
    ),
    town_ends=tuple("ford wick stead bury ton field mouth dale".split()),
    rivers=tuple("Tessel Arrow Lune Varda Brink Corrib Morava Sable Wend Isla Kern Dorn".split()),
)
DEV_NAMES = Names(
    women=tuple("Camille Eva Josephine Lydia Matilda Rachel Simone Victoria".split()),
    men=tuple("Anthony Charles Dominic Francis Lawrence Matthew Richard Theodore".split()),
    last=tuple(
        "Arkwright Bellamy Cardoso Drummond Engel Fairfax Galloway Hastings Ingram Kessler "
        "Lambert Montoya Neville Osborne Prescott Romano Sinclair Thatcher Wexler Zimmer".split()
    ),
    town_starts=tuple("Black Clare Ever High Red Silver Swan Win".split()),
    town_ends=tuple("haven bridge port well chester hurst".split()),
    rivers=tuple("Orne Calder Vesper Rill Tamsin Weir".split()),
)


def draw_words(rng: random.Random, names: Names, gap: range) -> dict[str, str]:
    """Four people and four towns, all different, a river, and five years `gap` apart."""
    words = {"river": rng.choice(names.rivers)}
    for number, last in enumerate(rng.sample(names.last, 4), start=1):
        for key, value in names.person(rng, last).items():
            words[f"{key}{number}"] = value
    for number, town in enumerate(rng.sample(names.towns(), 4), start=1):
        words[f"t{number}"] = town
    for number, year in enumerate(_years(rng, gap), start=1):
        words[f"y{number}"] = str(year)
    return words


def _years(rng: random.Random, gap: range) -> list[int]:
    """Five years, ascending, the last before 2016."""
    gaps = [rng.choice(gap) for _ in range(4)]
    first = rng.randrange(1795, 2016 - sum(gaps))
    return [first + sum(gaps[:number]) for number in range(5)]
