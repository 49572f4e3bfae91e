"""Random texts of every kind that a client could send, as bytes."""

import random
from collections.abc import Callable

from tests.preprocessing.hard_texts import HARD_TEXTS

WORDS = ["the", "bridge", "1894", "Mills", "unaffable", "Zürich", "中国", "o'clock", "re-run"]
JOINERS = "\u200b\u200c\u200d\u2060\ufeff\ufe0f\u202e\u2066\u00ad\x00\x07\x7f\ufffd\uffff"
MARKS = "\u0300\u0301\u0323\u05b0\u064b\u0e31\u20dd\U0001d165\U0001f3fd"
SPACES = " \t\n\r\x0b\x0c\x85\u00a0\u2028\u3000"
EMOJI = "🎬😀👍👩❤🏳🌈🇯🇵"


def fuzzed_text(seed: int) -> bytes:
    """A text of one kind, or several of them after one another; one of a hundred is huge."""
    chance = random.Random(seed)
    if seed % 100 == 99:
        return _huge(chance)
    parts = [chance.choice(KINDS)(chance) for _ in range(chance.choice((1, 1, 2, 5)))]
    return chance.choice((b"", b" ")).join(parts)


def _words(chance: random.Random) -> bytes:
    words = chance.choices(WORDS, k=chance.randrange(60))
    return "".join(f"{word}{chance.choice(SPACES)}" for word in words).encode()


def _any_characters(chance: random.Random) -> bytes:
    codes = (chance.randrange(chance.choice((0x80, 0x3000, 0x110000))) for _ in range(40))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000).encode()


def _lone_surrogates(chance: random.Random) -> bytes:
    text = "".join(chr(chance.randrange(0xD800, 0xE000)) for _ in range(chance.randrange(1, 4)))
    return b"left " + text.encode("utf-8", "surrogatepass") + b" right"


def _any_bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(80))


def _broken_utf8(chance: random.Random) -> bytes:
    """A text with bytes cut out, put in or changed."""
    text = bytearray(chance.choice(list(HARD_TEXTS.values())).encode() * 2 + b"x")
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(text))
        text[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        text = text or bytearray(b"\xc0")
    return bytes(text)


def _marks_and_joiners(chance: random.Random) -> bytes:
    characters = [*"aé", *JOINERS, *MARKS, *EMOJI, *SPACES]
    return "".join(chance.choices(characters, k=chance.randrange(50))).encode()


def _blank(chance: random.Random) -> bytes:
    return "".join(chance.choices(SPACES + JOINERS, k=chance.randrange(9))).encode()


def _one_long_word(chance: random.Random) -> bytes:
    return chance.choice(("a", "é", "中", "\u0301", "🎬", "-")).encode() * chance.randrange(
        90, 3000
    )


def _hard(chance: random.Random) -> bytes:
    return chance.choice(list(HARD_TEXTS.values())).encode()


def _huge(chance: random.Random) -> bytes:
    """Up to 30,000 characters, or a wide gap."""
    if chance.random() < 0.3:
        return b"left of it" + b" " * 20_000 + b"right of it"
    return (_words(chance) + b"end. ") * chance.randrange(1, 80)


KINDS: list[Callable[[random.Random], bytes]] = [
    *(_words, _any_characters, _lone_surrogates, _any_bytes, _broken_utf8, _marks_and_joiners),
    *(_blank, _one_long_word, _hard),
]
