"""Independent implementations of what `preprocessing` must equal.

Tokenisation by Hugging Face's `tokenizers`; windows and labels as the algorithm of BERT's
`run_squad.py` builds them: words between white space, WordPieces of each word, the answer's
words narrowed to the tokens that equal it, overlapping spans of the document.
"""

import functools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tokenizers import BertWordPieceTokenizer


@functools.cache
def reference_tokenizer(vocabulary_path: os.PathLike[str], lowercase: bool = True):
    """Text that looks like a special token is text, as in the original implementation."""
    tokenizer = BertWordPieceTokenizer(str(vocabulary_path), lowercase=lowercase)
    tokenizer._tokenizer.encode_special_tokens = True
    return tokenizer


class RunSquad:
    """`convert_examples_to_features` with its three lengths, for one vocabulary."""

    def __init__(
        self,
        vocabulary_path: pathlib.Path,
        max_seq_length: int = 384,
        doc_stride: int = 128,
        max_query_length: int = 64,
    ):
        self._tokenizer = reference_tokenizer(vocabulary_path)
        self._cls, self._sep = (self._tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]"))
        self._max_seq_length = max_seq_length
        self._doc_stride = doc_stride
        self._max_query_length = max_query_length

    def records(self, document: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
        """(question id, window) -> the fields of a record; skipped questions have none."""
        found = {}
        for article in document["data"]:
            for paragraph in article["paragraphs"]:
                words, word_of_char = _words(paragraph["context"])
                pieces = [self._pieces(word) for word in words]
                for qa in paragraph["qas"]:
                    for window, record in enumerate(
                        self._features(words, word_of_char, pieces, qa)
                    ):
                        found[qa["id"], window] = record
        return found

    @functools.lru_cache(200_000)  # noqa: B019 - one instance per test
    def _pieces(self, word: str) -> list[int]:
        return self._tokenizer.encode(word, add_special_tokens=False).ids

    def _features(self, words, word_of_char, pieces, qa) -> Iterator[dict[str, Any]]:
        impossible = qa.get("is_impossible", False)
        doc_tokens = [piece for word in pieces for piece in word]
        first_piece = [0]
        for word in pieces:
            first_piece.append(first_piece[-1] + len(word))
        start = end = -1
        if not impossible:
            text, offset = qa["answers"][0]["text"], qa["answers"][0]["answer_start"]
            first, last = word_of_char[offset], word_of_char[offset + len(text) - 1]
            actual = " ".join(words[first : last + 1])
            if actual.find(" ".join(text.split())) == -1:
                return
            start, end = first_piece[first], first_piece[last + 1] - 1
            start, end = self._improve(doc_tokens, start, end, text)
        query = self._pieces(qa["question"])[: self._max_query_length]
        for doc_start, length in self._doc_spans(len(doc_tokens), len(query)):
            tokens = [self._cls, *query, self._sep]
            shift = len(tokens) - doc_start
            segments = [0] * len(tokens) + [1] * (length + 1)
            tokens += [*doc_tokens[doc_start : doc_start + length], self._sep]
            inside = start >= doc_start and end <= doc_start + length - 1 and not impossible
            yield {
                "token_ids": tokens,
                "segment_ids": segments,
                "start_token": start + shift if inside else 0,
                "end_token": end + shift if inside else 0,
                "is_impossible": int(impossible),
            }

    def _improve(self, doc_tokens, start, end, text):
        answer = self._pieces(text)
        for new_start in range(start, end + 1):
            for new_end in range(end, new_start - 1, -1):
                if doc_tokens[new_start : new_end + 1] == answer:
                    return new_start, new_end
        return start, end

    def _doc_spans(self, num_tokens, query_length):
        room = self._max_seq_length - query_length - 3
        start = 0
        while start < num_tokens:
            length = min(num_tokens - start, room)
            yield start, length
            if start + length == num_tokens:
                return
            start += min(length, self._doc_stride)


def _words(text: str) -> tuple[list[str], list[int]]:
    """The words between white space, and for each character the index of its word."""
    words: list[str] = []
    word_of_char = []
    after_space = True
    for character in text:
        if character in " \t\r\n" or ord(character) == 0x202F:
            after_space = True
        elif after_space:
            words.append(character)
            after_space = False
        else:
            words[-1] += character
        word_of_char.append(len(words) - 1)
    return words, word_of_char
