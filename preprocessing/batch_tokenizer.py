"""The tokenisation graph for many texts at once, as the Beam workers call it."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer


@dataclasses.dataclass(frozen=True)
class TokenRows:
    """Token ids of several texts, one after the other.

    Attributes:
        token_ids: int32[tokens].
        splits: int64[texts + 1]; text i has the tokens splits[i]:splits[i + 1].
        starts: int32[tokens], the character of its text that each token begins at; where asked for.
    """

    token_ids: np.ndarray
    splits: np.ndarray
    starts: np.ndarray | None = None

    def row(self, text: int) -> np.ndarray:
        """The token ids of one text."""
        return self.token_ids[self.splits[text] : self.splits[text + 1]]


class BatchTokenizer:
    """`BertTokenizer` for lists of texts.

    Args:
        vocabulary: tokens in the order of their ids.
        lowercase: True for uncased vocabularies.
    """

    def __init__(self, vocabulary: Sequence[str], lowercase: bool):
        tokenizer = BertTokenizer(list(vocabulary), lowercase)
        self.cls_id, self.sep_id = tokenizer.cls_id, tokenizer.sep_id
        signature = [tf.TensorSpec([None], tf.string)]
        # Without AutoGraph, which takes seconds to find that there is nothing to rewrite.
        self._ids = tf.function(tokenizer.tokenize, signature, autograph=False)
        self._ids_and_offsets = tf.function(
            tokenizer.tokenize_with_offsets, signature, autograph=False
        )

    def token_ids(self, texts: list[bytes]) -> TokenRows:
        """WordPiece ids of UTF-8 texts, without special tokens."""
        tokens = self._ids(tf.constant(texts, tf.string))
        return TokenRows(tokens.flat_values.numpy(), tokens.row_splits.numpy())

    def token_ids_and_starts(self, texts: list[bytes]) -> TokenRows:
        """The same, and where in its text each token starts, in characters."""
        tokens, starts, _ = self._ids_and_offsets(tf.constant(texts, tf.string))
        return TokenRows(
            tokens.flat_values.numpy(), tokens.row_splits.numpy(), starts.flat_values.numpy()
        )


@functools.lru_cache(maxsize=2)
def shared_tokenizer(vocabulary: tuple[str, ...], lowercase: bool) -> BatchTokenizer:
    """One tokeniser per process: some runners set a DoFn up for every bundle."""
    return BatchTokenizer(vocabulary, lowercase)
