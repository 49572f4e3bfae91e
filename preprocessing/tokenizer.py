"""WordPiece in the TensorFlow graph, equal to the original BERT tokenisation.

Beam jobs, the trainer's data and the served graph all call this one module. It uses only ops of
core TensorFlow and of TF Text 2.12, so that every supported TF Serving can run it.
"""

import os
import pathlib

import tensorflow as tf
import tensorflow_text as tf_text

from preprocessing.errors import InputError

# The longest token that TF Text takes, in bytes of UTF-8 without "##".
_MAX_TOKEN_BYTES = 256
PAD, UNKNOWN, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"

# Control (Cc, but tab, newline and carriage return, which separate words), format (Cf) and
# private-use (Co) characters and U+FFFD: the original BERT's `_clean_text` in `tokenizers`' form.
_REMOVED = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\p{Cf}\p{Co}\x{fffd}]"
_ACCENTS = r"\p{Mn}"
# Lower-casing a whole text turns a capital sigma at the end of a word into a final sigma;
# the original algorithm's reference implementation lower-cases character by character.
_CAPITAL_SIGMA, _SMALL_SIGMA = "\u03a3", "\u03c3"


def load_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    """Reads a BERT `vocab.txt`: one token a line, the line number is its id.

    Raises:
        InputError: no such file, not UTF-8, a token missing that BERT needs, one given twice, or
            one that is longer than TF Text takes.
    """
    try:
        tokens = pathlib.Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the vocabulary ({error.strerror}). Expected a BERT vocab.txt; "
            "`python -m preprocessing.fetch weights` brings one."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start}, expected a vocab.txt"
        ) from error
    missing = [token for token in (PAD, UNKNOWN, CLS, SEP) if token not in tokens]
    if missing:
        raise InputError(
            f"{path}: a vocabulary of {len(tokens)} tokens without {', '.join(missing)}, expected "
            "a BERT vocab.txt with one token a line."
        )
    if len(set(tokens)) < len(tokens):
        twice = next(token for i, token in enumerate(tokens) if token in tokens[:i])
        raise InputError(f"{path}: token {twice!r} stands there twice, expected each once.")
    longest = max(tokens, key=lambda token: len(token.encode()))
    if len(longest.encode()) > _MAX_TOKEN_BYTES:
        raise InputError(
            f"{path}: token {longest[:20]!r}… on line {tokens.index(longest) + 1} has "
            f"{len(longest.encode())} bytes, expected a vocab.txt of at most {_MAX_TOKEN_BYTES}."
        )
    return tokens


class BertTokenizer(tf.Module):
    """Text to WordPiece ids, with or without the place of each token in the text.

    Args:
        vocabulary: tokens in the order of their ids, as from `load_vocabulary`.
        lowercase: True for uncased vocabularies, which also drop accents.
    """

    def __init__(self, vocabulary: list[str], lowercase: bool = True):
        super().__init__()
        self.lowercase = lowercase
        self.cls_id = vocabulary.index(CLS)
        self.sep_id = vocabulary.index(SEP)
        self.pad_id = vocabulary.index(PAD)
        self._wordpiece = tf_text.FastWordpieceTokenizer(
            vocab=vocabulary,
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
            no_pretokenization=False,
            max_bytes_per_word=100,
        )

    def normalize(self, text: tf.Tensor) -> tf.Tensor:
        """The text that is cut into words: string[n] -> string[n], valid UTF-8.

        Invalid UTF-8 is dropped. Everything but the order of combining marks, which are removed
        with `lowercase`, depends on single characters; `tokenize_with_offsets` builds on that.
        """
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        text = tf.strings.regex_replace(text, _REMOVED, "")
        if not self.lowercase:
            return text
        text = tf.strings.regex_replace(text, _CAPITAL_SIGMA, _SMALL_SIGMA)
        text = tf.strings.lower(text, encoding="utf-8")
        text = tf_text.normalize_utf8(text, "NFD")
        return tf.strings.regex_replace(text, _ACCENTS, "")

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """WordPiece ids without special tokens: string[n] -> int32[n, (tokens)]."""
        return self._wordpiece.tokenize(self.normalize(text))

    def tokenize_with_offsets(
        self, text: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
        """WordPiece ids, and which slice of the text each one stands for.

        Args:
            text: string[n].

        Returns:
            token_ids, starts, ends, each int32[n, (tokens)]. `text[start:end]` in Unicode
            characters (Python's indices; each invalid UTF-8 sequence counts as one) is what the
            token was made from, with the accents that follow its last character. Ids are those
            of `tokenize`.
        """
        token_ids, starts, ends = self._wordpiece.tokenize_with_offsets(self.normalize(text))
        chars = tf.strings.unicode_decode(text, "UTF-8", errors="replace")
        lengths, is_accent = self._character_table(chars.flat_values)
        # All texts laid end to end: `before[i]` bytes of normalised text precede character i.
        before = tf.cumsum(lengths, exclusive=True)  # [characters]
        first_char = tf.cast(chars.row_starts(), tf.int32)  # [n]
        # A text's first byte; the row that starts at the very end has all bytes before it.
        total = tf.reduce_sum(lengths)
        first_byte = tf.gather(tf.concat([before, [total]], 0), first_char)  # [n]
        row = token_ids.value_rowids()
        start_bytes = starts.flat_values + tf.cast(tf.gather(first_byte, row), tf.int64)
        end_bytes = ends.flat_values + tf.cast(tf.gather(first_byte, row), tf.int64)
        after = tf.cast(before + lengths, tf.int64)  # [characters]; not decreasing
        start_chars = tf.searchsorted(after, start_bytes, side="right")
        last_chars = tf.searchsorted(after, end_bytes, side="left")
        end_chars = tf.gather(_end_of_accents(is_accent), last_chars)
        offset = tf.gather(first_char, row)
        limit = tf.gather(tf.cast(chars.row_limits(), tf.int32), row)
        return (
            token_ids,
            token_ids.with_flat_values(start_chars - offset),
            token_ids.with_flat_values(tf.minimum(end_chars, limit) - offset),
        )

    def _character_table(self, code_points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For int32[characters]: bytes each gives in `normalize`, and whether it is an accent.

        Normalises each distinct character once: texts have few.
        """
        distinct, index = tf.unique(code_points)
        characters = tf.strings.unicode_encode(distinct[:, tf.newaxis], "UTF-8")
        lengths = tf.strings.length(self.normalize(characters))
        is_accent = tf.strings.regex_full_match(characters, _ACCENTS)
        return tf.gather(lengths, index), tf.gather(is_accent, index)


def _end_of_accents(is_accent: tf.Tensor) -> tf.Tensor:
    """For each character, where the accents that follow it end: bool[n] -> int32[n]."""
    count = tf.size(is_accent)
    bases = tf.boolean_mask(tf.range(count), ~is_accent)
    next_base = tf.searchsorted(bases, tf.range(count), side="right")
    return tf.gather(tf.concat([bases, [count]], 0), next_base)
