"""Text to the characters that WordPiece is given, and from their bytes back to the text.

Every character is looked up in a table of our own (`unicode_table`), so that the result hangs
neither on the Unicode version of a TensorFlow release nor on that of Python.
"""

from typing import NamedTuple

import tensorflow as tf

from preprocessing.unicode_table import (
    ACCENT,
    CODE_MASK,
    COUNT_SHIFT,
    CUT,
    KIND_MASK,
    KIND_SHIFT,
    PAGE_BITS,
    STARTER_ACCENT,
    WORD,
    unicode_table,
)

MAX_WORD_CHARS = 100
# Up to 100 characters have up to 400 bytes. Those of a longer word are all given four bytes, so
# that just the longer words exceed the limit at which TF Text's op gives [UNK].
MAX_WORD_BYTES = 4 * MAX_WORD_CHARS
_OF_LONG_WORD = 0x100000


class NormalizedText(NamedTuple):
    """Texts as WordPiece is given them, and where they come from. A space follows each text."""

    text: tf.Tensor  # string[n]
    before: tf.RaggedTensor  # int32[n, (characters)]: their entries in the table
    after: tf.RaggedTensor  # int32[n, (characters)]: code points
    sources: tf.Tensor  # int32[characters after]: the character before, counted over all texts


class UnicodeNormalizer:
    """BERT's cleaning; for uncased vocabularies lower-casing and removal of accents, too.

    White space becomes U+0020, invalid UTF-8 counts as U+FFFD, which is dropped, and a word of more
    than 100 characters becomes one of more than `MAX_WORD_BYTES`.
    """

    def __init__(self, lowercase: bool):
        self._table = unicode_table(lowercase)

    def normalize(self, text: tf.Tensor) -> NormalizedText:
        """string[n] -> string[n], and what `slices` needs."""
        characters = tf.strings.unicode_decode(tf.strings.join([text, " "]), "UTF-8")
        before = characters.with_flat_values(self._entries(characters.flat_values))
        sources, number, starts = _repeat(_shift_right(before.flat_values, COUNT_SHIFT))
        packed = tf.bitwise.bitwise_xor(before.flat_values, characters.flat_values)
        packed = self._put_several(_take(packed, sources), number)
        kinds = tf.bitwise.bitwise_and(_shift_right(packed, KIND_SHIFT), KIND_MASK)
        codes = tf.bitwise.bitwise_and(packed, CODE_MASK)
        codes = _order_marks(codes, kinds, sources, before.flat_values)
        codes = _stretch_long_words(codes, kinds)
        after = tf.RaggedTensor.from_row_splits(
            codes, tf.gather(starts, before.row_splits), validate=False
        )
        return NormalizedText(tf.strings.unicode_encode(after, "UTF-8"), before, after, sources)

    def _entries(self, code_points: tf.Tensor) -> tf.Tensor:
        page = _take(self._table.pages, _shift_right(code_points, PAGE_BITS))
        in_page = tf.bitwise.bitwise_and(code_points, (1 << PAGE_BITS) - 1)
        return _take(self._table.values, page + in_page)

    def _put_several(self, packed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """Puts the characters in their places where several come out of one."""
        places = tf.where(packed >= 2 << COUNT_SHIFT)  # [k, 1]
        first = tf.bitwise.bitwise_and(tf.gather_nd(packed, places), CODE_MASK)
        several = tf.gather(self._table.more, first + tf.gather_nd(number, places))
        return tf.tensor_scatter_nd_update(packed, places, several)


def slices(
    normalized: NormalizedText, row: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which characters of the original texts parts of normalised ones were made from.

    Args:
        normalized: as from `UnicodeNormalizer.normalize`.
        row: int32[parts], which text each is of.
        starts: int64[parts], the part's first byte.
        ends: int64[parts], exclusive.

    Returns:
        First and last + 1 character in the original text, each int64[parts]. Accents that were
        dropped belong to the character before them.
    """
    codes = normalized.after.flat_values
    sizes = 1 + sum(tf.cast(codes >= limit, tf.int32) for limit in (0x80, 0x800, 0x10000))
    character, _, byte_starts = _repeat(sizes)  # the first: of each byte
    source = _take(normalized.sources, character)
    first_byte = tf.gather(byte_starts, tf.gather(normalized.after.row_splits, row))
    first = _take(source, first_byte + starts)
    last = _take(source, first_byte + ends - 1)
    offset = tf.gather(normalized.before.row_splits, row)
    end = _after_accents(normalized.before.flat_values, last)
    return tf.cast(first, tf.int64) - offset, end - offset


def _after_accents(entries: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Where the accents end that follow the characters `last`; int64. A space ends each text."""
    is_base = tf.not_equal(entries, ACCENT << KIND_SHIFT) & tf.not_equal(
        entries, STARTER_ACCENT << KIND_SHIFT
    )
    bases = tf.where(is_base)[:, 0]
    num_bases = tf.cumsum(tf.cast(is_base, tf.int32))
    return _take(bases, _take(num_bases, last))


def _order_marks(
    codes: tf.Tensor, kinds: tf.Tensor, sources: tf.Tensor, entries: tf.Tensor
) -> tf.Tensor:
    """Puts marks that follow each other in the order of their classes, as NFD does."""
    places = tf.where((kinds > WORD) & (kinds < CUT))  # [marks, 1]
    starters = tf.where(tf.equal(entries, STARTER_ACCENT << KIND_SHIFT))[:, 0]
    source = tf.cast(tf.gather_nd(sources, places), tf.int64)
    starters_before = tf.searchsorted(starters, source, out_type=tf.int64)  # [marks]
    # Neighbours have the same `place - index`, so that only marks of one run have the same `run`.
    run = places[:, 0] - tf.range(tf.size(places, tf.int64)) + starters_before  # not decreasing
    classes = tf.cast(tf.gather_nd(kinds, places), tf.int64)
    order = tf.argsort(run * (KIND_MASK + 1) + classes, stable=True)
    return tf.tensor_scatter_nd_update(codes, places, tf.gather(tf.gather_nd(codes, places), order))


def _stretch_long_words(codes: tf.Tensor, kinds: tf.Tensor) -> tf.Tensor:
    """Replaces all characters of words of more than 100 by ones of four bytes."""
    cuts = tf.where(tf.equal(kinds, CUT))[:, 0]  # each text ends with one
    first = tf.concat([[0], cuts + 1], axis=0)[:-1]
    long_words = tf.where(cuts - first > MAX_WORD_CHARS)  # [k, 1]
    places = tf.ragged.range(tf.gather_nd(first, long_words), tf.gather_nd(cuts, long_words))
    places = places.flat_values[:, tf.newaxis]
    return tf.tensor_scatter_nd_update(codes, places, tf.fill(tf.shape(places)[:1], _OF_LONG_WORD))


def _repeat(counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """For int32[n] of 0 to 4: each index as often as it says, and how many of it came before.

    Faster than `tf.repeat`. Also gives, int64[n + 1], where the repetitions of each begin.
    """
    first = 4 * tf.range(tf.size(counts))
    repeats = tf.ragged.range(first, first + counts)
    values = repeats.flat_values
    return _shift_right(values, 2), tf.bitwise.bitwise_and(values, 3), repeats.row_splits


def _take(values: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """`tf.gather` of single numbers, in two thirds of its time."""
    return tf.gather_nd(values, indices[:, tf.newaxis])


def _shift_right(values: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(values, bits)
