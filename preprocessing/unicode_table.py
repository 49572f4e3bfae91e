"""What becomes of each character before WordPiece, as one small table for the graph.

An entry is an int32: how many characters come out (2 bits), of which kind (8 bits), and which
(21 bits): the one that comes out, or where in `more` the several ones stand. These 21 bits are
XORed with the character that goes in, so that all blocks of unchanged characters share one page.
"""

import unicodedata
from typing import NamedTuple

import numpy as np

from preprocessing import unicode_ranges
from preprocessing.unicode_ranges import code_points

COUNT_SHIFT = 29
KIND_SHIFT = 21
KIND_MASK = 0xFF
CODE_MASK = 0x1FFFFF
PAGE_BITS = 8
# Kinds of what comes out. Those between are marks, by their canonical combining class.
WORD, CUT = 0, 0xFF
# Kinds of what is dropped; 0 when it is no accent. Two marks around a starter keep their order.
ACCENT, STARTER_ACCENT = 1, 2

_NUM_CODE_POINTS = 0x110000
_FIRST_STAND_IN = 0xE000


class UnicodeTable(NamedTuple):
    """`values[pages[code >> PAGE_BITS] + code % 2**PAGE_BITS]` is the entry of a character."""

    pages: np.ndarray  # int32[4352]
    values: np.ndarray  # int32[entries]
    more: np.ndarray  # int32[n]: kind and character of each


def unicode_table(lowercase: bool) -> UnicodeTable:
    """The table of uncased (`lowercase`) or cased vocabularies."""
    every = np.arange(_NUM_CODE_POINTS, dtype=np.int32)
    packed = _characters() | _kinds(lowercase) << KIND_SHIFT
    entries = (packed | 1 << COUNT_SHIFT) ^ every
    entries[code_points(unicode_ranges.REMOVED)] = 0
    more: list[int] = []
    for code, outputs in _changed(lowercase).items():
        if not outputs:
            entries[code] = _accent_kind(code) << KIND_SHIFT
        elif len(outputs) == 1:
            entries[code] = (packed[outputs[0]] | 1 << COUNT_SHIFT) ^ code
        else:
            entries[code] = (len(more) | len(outputs) << COUNT_SHIFT) ^ code
            more += packed[outputs].tolist()
    blocks: dict[bytes, int] = {}  # each distinct one, and its number
    index = [
        blocks.setdefault(block.tobytes(), len(blocks))
        for block in entries.reshape(-1, 1 << PAGE_BITS)
    ]
    return UnicodeTable(
        pages=np.array(index, np.int32) << PAGE_BITS,
        values=np.frombuffer(b"".join(blocks), np.int32),
        more=np.array(more, np.int32),
    )


def stand_ins() -> dict[int, int]:
    """Code points of words at which TF Text's op would cut, and what it is given in their place.

    These are private-use characters, which `REMOVED` leaves in no text.
    """
    unsplit = code_points(unicode_ranges.UNSPLIT).tolist()
    return {code: _FIRST_STAND_IN + i for i, code in enumerate(unsplit)}


def _characters() -> np.ndarray:
    """What each code point comes out as when it is not changed, int32[0x110000]."""
    characters = np.arange(_NUM_CODE_POINTS, dtype=np.int32)
    characters[code_points(unicode_ranges.SPACES)] = ord(" ")
    for code, stand_in in stand_ins().items():
        characters[code] = stand_in
    return characters


def _kinds(lowercase: bool) -> np.ndarray:
    """The kind of each code point that comes out, int32[0x110000]."""
    kinds = np.full(_NUM_CODE_POINTS, WORD, np.int32)
    for ranges in (unicode_ranges.SPACES, unicode_ranges.CHINESE, unicode_ranges.PUNCTUATION):
        kinds[code_points(ranges)] = CUT
    if lowercase:  # the others are not decomposed, and their marks stay in any order
        marks = code_points(unicode_ranges.MARKS)
        kinds[marks] = [unicodedata.combining(chr(code)) for code in marks]
    return kinds


def _changed(lowercase: bool) -> dict[int, list[int]]:
    """What comes out of the code points that change; the characters' own order."""
    changed = {
        code: [ord(" "), code, ord(" ")] for code in code_points(unicode_ranges.SPLIT).tolist()
    }
    if not lowercase:
        return changed
    accents = set(code_points(unicode_ranges.ACCENTS).tolist())
    folded = set(code_points(unicode_ranges.FOLDED).tolist()) | set(unicode_ranges.NEW_CAPITALS)
    spaces = code_points(unicode_ranges.SPACES).tolist()
    for code in sorted((folded | accents).difference(spaces)):
        parts = map(ord, unicodedata.normalize("NFD", chr(code)))
        outputs = [_lower(part) for part in parts if part not in accents]
        if outputs != [code]:
            changed[code] = outputs
    return changed


def _lower(code: int) -> int:
    return unicode_ranges.NEW_CAPITALS.get(code) or ord(chr(code).lower())


def _accent_kind(code: int) -> int:
    first = unicodedata.normalize("NFD", chr(code))[0]
    return ACCENT if unicodedata.combining(first) else STARTER_ACCENT
