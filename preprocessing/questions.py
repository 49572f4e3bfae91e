"""Questions about contexts to records: one per window, labelled with the answer's place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from preprocessing import example_encoding as encoding
from preprocessing import statistics
from preprocessing.conversion import Converted
from preprocessing.records import Record, Rejected, place_of, split_of
from preprocessing.sources.squad_json import Paragraph, Question
from preprocessing.windows import (
    TokenizedText,
    WindowParameters,
    answer_token_span,
    cut_windows,
    window_label,
)

if TYPE_CHECKING:  # it imports TensorFlow, which only workers need
    from preprocessing.batch_tokenizer import BatchTokenizer, TokenRows


@dataclasses.dataclass(frozen=True)
class _Packed:
    """Token rows with their varints, so that any slice of tokens is a slice of bytes."""

    rows: TokenRows
    varints: bytes
    places: np.ndarray  # int64[tokens + 1]

    @classmethod
    def of(cls, rows: TokenRows) -> _Packed:
        return cls(rows, *encoding.pack_varints(rows.token_ids))

    def slice(self, begin: int, end: int) -> bytes:
        """The varints of the tokens begin:end."""
        return self.varints[self.places[begin] : self.places[end]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionConverter:
    """The task "squad".

    Attributes:
        windows: lengths in tokens.
        validation_fraction: share of the split "train" that becomes "validation", by context.
    """

    windows: WindowParameters
    validation_fraction: float

    def convert(self, elements: list[Paragraph | Rejected], tokenizer: BatchTokenizer) -> Converted:
        """Elements of one block, `Rejected` ones among them."""
        converted = Converted()
        paragraphs = [self._in_its_split(e) for e in elements if isinstance(e, Paragraph)]
        for element in elements:
            if isinstance(element, Rejected):
                converted.reject(element)
        contexts = tokenizer.token_ids_and_starts([_encoded(p.context) for p in paragraphs])
        asked = [question for paragraph in paragraphs for question in paragraph.questions]
        texts = [_encoded(question.question) for question in asked]
        answers = [_encoded(question.label_text()) for question in asked]
        tokens = tokenizer.token_ids(texts + answers)
        batch = _Batch(self.windows, tokenizer, converted, _Packed.of(contexts), _Packed.of(tokens))
        batch.add(paragraphs)
        converted.fingerprints = _fingerprints(paragraphs)
        return converted

    def _in_its_split(self, paragraph: Paragraph) -> Paragraph:
        if paragraph.split != "train" or not self.validation_fraction:
            return paragraph
        split = split_of(place_of(paragraph.context), self.validation_fraction)
        return dataclasses.replace(paragraph, split=split)


class _Batch:
    """The questions of some paragraphs, on their way to records."""

    def __init__(
        self,
        windows: WindowParameters,
        tokenizer: BatchTokenizer,
        converted: Converted,
        contexts: _Packed,
        tokens: _Packed,  # of all questions, then of all their answers
    ):
        self._windows = windows
        self._cls = encoding.varint(tokenizer.cls_id)
        self._sep = encoding.varint(tokenizer.sep_id)
        self._converted = converted
        self._contexts = contexts
        self._tokens = tokens

    def add(self, paragraphs: list[Paragraph]) -> None:
        """Adds the records of all questions, or what was rejected."""
        number, count = 0, (len(self._tokens.rows.splits) - 1) // 2
        for i, paragraph in enumerate(paragraphs):
            context = _tokenized(paragraph.context, self._contexts.rows, i)
            for question in paragraph.questions:
                answer_ids = self._tokens.rows.row(count + number).tolist()
                reason, span = _answer_span(question, context, answer_ids)
                if reason:
                    rejected = Rejected(paragraph.split, paragraph.source, question.id, reason)
                    self._converted.reject(rejected)
                else:
                    self._add_question(paragraph.split, question, i, number, span)
                number += 1

    def _add_question(
        self, split: str, question: Question, i: int, number: int, span: tuple[int, int] | None
    ) -> None:
        counts = self._converted.counts
        counts.read += 1
        of_split = counts.of(split)
        of_split.examples += 1
        of_split.labels["unanswerable" if question.is_impossible else "answerable"] += 1
        for record in self._records(split, question, i, number, span):
            of_split.add(record.num_tokens)
            self._converted.records.append(record)

    def _records(
        self, split: str, question: Question, i: int, number: int, span: tuple[int, int] | None
    ) -> Iterator[Record]:
        begin, end = map(int, self._tokens.rows.splits[number : number + 2])
        end = min(end, begin + self._windows.max_query_length)
        prefix = self._cls + self._tokens.slice(begin, end) + self._sep
        prefix_length = end - begin + 2
        first, last = map(int, self._contexts.rows.splits[i : i + 2])
        size = self._windows.max_seq_length - prefix_length - 1
        question_id = encoding.string("id", question.id)
        windows = cut_windows(last - first, size, self._windows.doc_stride)
        for window, (start, limit) in enumerate(windows):
            body = self._contexts.slice(first + start, first + limit) + self._sep
            start_token, end_token = window_label(span, (start, limit), prefix_length)
            body_length = limit - start + 1
            segment_ids = b"\0" * prefix_length + b"\1" * body_length
            serialized = encoding.example(
                encoding.int64("end_token", end_token),
                question_id,
                encoding.int64("is_impossible", int(question.is_impossible)),
                encoding.int64_list("segment_ids", segment_ids),
                encoding.int64("start_token", start_token),
                encoding.int64_list("token_ids", prefix + body),
                encoding.int64("window", window),
            )
            yield Record(split, question.id, window, prefix_length + body_length, serialized)


def _encoded(text: str) -> bytes:
    """Lone surrogates, which JSON can hold, become one "?" each: offsets stay right."""
    return text.encode("utf-8", "replace")


def _tokenized(text: str, rows: TokenRows, i: int) -> TokenizedText:
    assert rows.starts is not None  # contexts are tokenised with them
    tokens = slice(*map(int, rows.splits[i : i + 2]))
    return TokenizedText(text, rows.token_ids[tokens].tolist(), rows.starts[tokens].tolist())


def _answer_span(
    question: Question, context: TokenizedText, answer_ids: list[int]
) -> tuple[str, tuple[int, int] | None]:
    """Why the question is rejected ("" when it is not), and the tokens of its first answer."""
    if not context.token_ids:
        return "empty_context", None
    if question.is_impossible:
        return "", None
    if not question.answers:
        return "no_answer_given", None
    text, start = question.answers[0]
    if not text.strip():
        return "empty_answer", None
    if start < 0 or context.text[start : start + len(text)] != text:
        return "answer_not_at_answer_start", None
    span = answer_token_span(context, start, text, answer_ids)
    return ("", span) if span else ("answer_without_tokens", None)


def _fingerprints(paragraphs: list[Paragraph]) -> dict[str, np.ndarray]:
    """Of contexts, and of questions with theirs; the label of these is their first answer."""
    contexts = [(statistics.hash64(_encoded(p.context)), p.split, 0) for p in paragraphs]
    questions = []
    for paragraph, (context, split, _) in zip(paragraphs, contexts, strict=True):
        for question in paragraph.questions:
            text = context.to_bytes(8) + _encoded(question.question)
            answer = "" if question.is_impossible else repr(question.answers[:1])
            label = statistics.hash64(_encoded(answer)) & 0xFFFF
            questions.append((statistics.hash64(text), split, label))
    return {
        "contexts": statistics.fingerprints(contexts),
        "questions": statistics.fingerprints(questions),
    }
