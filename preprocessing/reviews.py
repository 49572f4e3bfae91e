"""Labelled texts to records: `[CLS] text [SEP]`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from preprocessing import example_encoding as encoding
from preprocessing import statistics
from preprocessing.conversion import Converted
from preprocessing.records import Record, Rejected, place_of, split_of
from preprocessing.sources.labelled_text import Review

if TYPE_CHECKING:  # it imports TensorFlow, which only workers need
    from preprocessing.batch_tokenizer import BatchTokenizer, TokenRows


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReviewConverter:
    """The task "imdb": movie reviews, or any labelled texts.

    Attributes:
        labels: names in the order of the label's numbers.
        max_seq_length: tokens of a record; of longer texts the end is left out.
        validation_fraction: share of the split "train" that becomes "validation", by id.
    """

    labels: tuple[str, ...]
    max_seq_length: int
    validation_fraction: float

    def convert(self, elements: list[Review | Rejected], tokenizer: BatchTokenizer) -> Converted:
        """Elements of one block, `Rejected` ones among them."""
        converted = Converted()
        reviews = []
        for element in elements:
            checked = self._checked(element)
            if isinstance(checked, Rejected):
                converted.reject(checked)
            else:
                reviews.append(checked)
        rows = tokenizer.token_ids([review.content for review in reviews])
        converted.records = self._records(reviews, rows, tokenizer)
        self._count(converted, reviews)
        converted.fingerprints["texts"] = statistics.fingerprints(
            (statistics.hash64(review.content), review.split, review.label) for review in reviews
        )
        return converted

    def _checked(self, element: Review | Rejected) -> Review | Rejected:
        split = element.split
        if split == "train":
            split = split_of(place_of(element.id), self.validation_fraction)
        if isinstance(element, Rejected):
            return dataclasses.replace(element, split=split)
        reason = reason_to_reject(element.content)
        if reason:
            return Rejected(split, element.source, element.id, reason)
        return element if split == element.split else dataclasses.replace(element, split=split)

    def _records(
        self, reviews: list[Review], rows: TokenRows, tokenizer: BatchTokenizer
    ) -> list[Record]:
        begins = rows.splits[:-1]
        ends = np.minimum(rows.splits[1:], begins + self.max_seq_length - 2)
        packed, places = encoding.pack_varints(rows.token_ids)
        cls, sep = encoding.varint(tokenizer.cls_id), encoding.varint(tokenizer.sep_id)
        counts = (ends - begins + 2).tolist()
        slices = zip(places[begins].tolist(), places[ends].tolist(), strict=True)
        records = []
        for review, count, (begin, end) in zip(reviews, counts, slices, strict=True):
            serialized = encoding.example(
                encoding.string("id", review.id),
                encoding.int64("label", review.label),
                encoding.int64_list("token_ids", cls + packed[begin:end] + sep),
            )
            records.append(Record(review.split, review.id, 0, count, serialized))
        return records

    def _count(self, converted: Converted, reviews: list[Review]) -> None:
        converted.counts.read += len(reviews)
        for review, record in zip(reviews, converted.records, strict=True):
            split = converted.counts.of(record.split)
            split.examples += 1
            split.labels[self.labels[review.label]] += 1
            split.add(record.num_tokens)


def reason_to_reject(content: bytes) -> str:
    """Why a text cannot be used; "" when it can."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "invalid_utf8"
    return "" if text.strip() else "empty_text"
