"""WordPiece in the TensorFlow graph, equal to the original BERT tokenisation.

Beam jobs, the trainer's data and the served graph all call this one module. It uses only ops of
core TensorFlow and of TF Text 2.12, so that every supported TF Serving can run it.
"""

import tensorflow as tf
import tensorflow_text as tf_text

from preprocessing.unicode_normalizer import (
    MAX_WORD_BYTES,
    MAX_WORD_CHARS,
    NormalizedText,
    UnicodeNormalizer,
    slices,
)
from preprocessing.unicode_table import stand_ins
from preprocessing.vocabulary import CLS, PAD, SEP, UNKNOWN

_WORD = f"[0-9A-Za-z]{{0,{MAX_WORD_CHARS}}}"
# Texts that need no table: of ASCII without control characters, and without too long a word.
_PLAIN = rf"{_WORD}(?:[\t\n\r -/:-@\[-`{{-~]{_WORD})*"
# No text has it when it comes to WordPiece.
_CONTROL = "\x01"


class BertTokenizer(tf.Module):
    """Text to WordPiece ids, with or without the place of each token in the text.

    Equal to the BERT WordPiece tokenizer of `tokenizers` for every Unicode string. Texts can be
    joined and cut at spaces (U+0020): for any strings a and b, the tokens of a + " " + b are
    those of a and those of b, which begin len(a) + 1 characters further on.

    Args:
        vocabulary: tokens in the order of their ids, as from `vocabulary.load_vocabulary`.
        lowercase: True for uncased vocabularies, which also drop accents.
    """

    def __init__(self, vocabulary: list[str], lowercase: bool = True):
        super().__init__()
        self.lowercase = lowercase
        self.cls_id = vocabulary.index(CLS)
        self.sep_id = vocabulary.index(SEP)
        self.pad_id = vocabulary.index(PAD)
        self._normalizer = UnicodeNormalizer(lowercase)
        self._wordpiece = tf_text.FastWordpieceTokenizer(
            vocab=_as_normalized(vocabulary),
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
            no_pretokenization=False,
            max_bytes_per_word=MAX_WORD_BYTES,
        )

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """WordPiece ids without special tokens: string[n] -> int32[n, (tokens)]."""
        normalized, _, _ = self._normalize(text)
        return self._wordpiece.tokenize(normalized)

    def tokenize_with_offsets(
        self, text: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
        """WordPiece ids, and which slice of the text each one stands for.

        Args:
            text: string[n].

        Returns:
            token_ids, starts, ends, each int32[n, (tokens)]. `text[start:end]` in Unicode
            characters (Python's indices; each invalid UTF-8 sequence counts as one) is what the
            token was made from, with the dropped accents that follow its last character. Kept
            marks that NFD puts in order have their places in the new order. Ids are those of
            `tokenize`.
        """
        normalized, rows, exact = self._normalize(text)
        token_ids, starts, ends = self._wordpiece.tokenize_with_offsets(normalized)
        # The rows that are not plain have their own numbers, from 0.
        number = tf.tensor_scatter_nd_update(
            tf.fill(tf.shape(text), -1), rows, tf.range(tf.size(rows))
        )
        number = tf.gather(number, token_ids.value_rowids())  # [tokens]
        places = tf.where(number >= 0)  # [tokens of these rows, 1]
        exact_starts, exact_ends = slices(
            exact,
            tf.gather_nd(number, places),
            tf.gather_nd(starts.flat_values, places),
            tf.gather_nd(ends.flat_values, places),
        )
        starts = tf.tensor_scatter_nd_update(starts.flat_values, places, exact_starts)
        ends = tf.tensor_scatter_nd_update(ends.flat_values, places, exact_ends)
        return (
            token_ids,
            token_ids.with_flat_values(tf.cast(starts, tf.int32)),
            token_ids.with_flat_values(tf.cast(ends, tf.int32)),
        )

    def _normalize(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, NormalizedText]:
        """The normalised texts, and [k, 1] which of them are not plain ASCII, with how."""
        rows = tf.where(~tf.strings.regex_full_match(text, _PLAIN))
        exact = self._normalizer.normalize(tf.gather_nd(text, rows))
        plain = tf.strings.lower(text) if self.lowercase else text
        return tf.tensor_scatter_nd_update(plain, rows, exact.text), rows, exact


def _as_normalized(vocabulary: list[str]) -> list[str]:
    """The vocabulary in the characters that normalised texts have.

    A token that no text can give, but that would be found in what stands for other characters,
    or across a space, becomes one that is never found.
    """
    by_character = str.maketrans({chr(code): chr(to) for code, to in stand_ins().items()})
    never = {*map(chr, range(0x21)), *map(chr, stand_ins().values())}
    return [
        f"{_CONTROL}{index}" if never.intersection(token) else token.translate(by_character)
        for index, token in enumerate(vocabulary)
    ]
