"""SQuAD v1.1 and v2.0 JSON to paragraphs, and paragraphs to windows with answer spans."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from preprocessing import features
from preprocessing.errors import InputError
from preprocessing.records import Record, Rejected, split_of
from preprocessing.windows import TokenizedText, answer_token_span, cut_windows, window_label


@dataclasses.dataclass(frozen=True)
class Question:
    """One question, with the annotated answers (none when it is impossible)."""

    id: str
    question: str
    answers: tuple[tuple[str, int], ...]  # (text, answer_start in characters)
    is_impossible: bool

    def label_text(self) -> str:
        """The annotated answer that training uses, the first; "" when there is none."""
        return self.answers[0][0] if self.answers else ""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A context with its questions, and where it was read."""

    split: str
    source: str
    context: str
    questions: tuple[Question, ...]


@dataclasses.dataclass(frozen=True)
class WindowParameters:
    """Lengths in tokens, with the defaults of `run_squad.py`."""

    max_seq_length: int = 384  # [CLS] question [SEP] window [SEP]
    doc_stride: int = 128
    max_query_length: int = 64

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise InputError(f"--{name} is {value}, expected at least 1 token.")
        room = self.max_seq_length - self.max_query_length - 3
        if room < 1:
            raise InputError(
                f"--max_seq_length is {self.max_seq_length}, which leaves no room for context "
                f"beside --max_query_length {self.max_query_length} and 3 special tokens. "
                f"Expected at least {self.max_query_length + 4}."
            )


def load_squad(path: str) -> dict[str, Any]:
    """Reads a SQuAD file.

    Raises:
        InputError: no such file, broken JSON (with its line and column), or not SQuAD's layout
            (with the place of the field that is missing or of another type).
    """
    document = _load_json(path)
    for _ in _paragraphs(document, path, ""):
        pass  # checks every field
    return document


def _load_json(path: str) -> Any:
    try:
        return json.loads(pathlib.Path(path).read_bytes().decode("utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot read it ({error.strerror}), expected a SQuAD JSON file."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: invalid UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: broken JSON at line {error.lineno} column {error.colno}: {error.msg}."
        ) from error
    except (ValueError, RecursionError) as error:  # thousands of digits or brackets
        raise InputError(f"{path}: not a SQuAD file: {error}.") from error


def first_questions(document: dict[str, Any], limit: int | None) -> dict[str, Any]:
    """A SQuAD document with its first `limit` questions only; all of them for None."""
    left = sys.maxsize if limit is None else limit
    data = []
    for article in document["data"]:
        paragraphs = []
        for paragraph in article["paragraphs"]:
            if left > 0:
                paragraphs.append({**paragraph, "qas": paragraph["qas"][:left]})
                left -= len(paragraph["qas"])
        if paragraphs:
            data.append({**article, "paragraphs": paragraphs})
    return {**document, "data": data}


def read_paragraphs(path: str, split: str) -> Iterator[Paragraph]:
    """The paragraphs of a SQuAD file in its order.

    Raises:
        InputError: see `load_squad`.
    """
    yield from _paragraphs(_load_json(path), path, split)


def _paragraphs(document: Any, path: str, split: str) -> Iterator[Paragraph]:
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise InputError(
            f'{path}: not a SQuAD file: expected an object with a list "data", as in '
            '{"version": "1.1", "data": [{"title": …, "paragraphs": […]}]}.'
        )
    for i, article in enumerate(document["data"]):
        for j, paragraph in enumerate(_field(path, f"data[{i}]", article, "paragraphs", list)):
            place = f"data[{i}].paragraphs[{j}]"
            context = _field(path, place, paragraph, "context", str)
            qas = _field(path, place, paragraph, "qas", list)
            questions = tuple(
                _question(path, f"{place}.qas[{k}]", entry) for k, entry in enumerate(qas)
            )
            yield Paragraph(split, path, context, questions)


def read_split_paragraphs(path: str, split: str, validation_fraction: float) -> Iterator[Paragraph]:
    """The paragraphs, with a share of them by a hash of the context turned to "validation"."""
    for paragraph in read_paragraphs(path, split):
        if split == "train":
            split_by_hash = split_of(paragraph.context, validation_fraction)
            paragraph = dataclasses.replace(paragraph, split=split_by_hash)
        yield paragraph


def _question(path: str, place: str, entry: Any) -> Question:
    answers = _field(path, place, entry, "answers", list) if "answers" in entry else []
    return Question(
        id=_id(path, place, entry),
        question=_field(path, place, entry, "question", str),
        answers=tuple(
            (
                _field(path, f"{place}.answers[{n}]", answer, "text", str),
                _field(path, f"{place}.answers[{n}]", answer, "answer_start", int),
            )
            for n, answer in enumerate(answers)
        ),
        is_impossible=entry.get("is_impossible") is True,
    )


def _id(path: str, place: str, entry: Any) -> str:
    question_id = _field(path, place, entry, "id", str)
    try:
        question_id.encode()  # records, and the files written from them, hold UTF-8
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path}: {place}.id is {question_id!a}, expected no half of a surrogate pair."
        ) from error
    return question_id


def _field(path: str, place: str, value: Any, name: str, kind: type) -> Any:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise InputError(
            f"{path}: not a SQuAD file: {place}.{name} is {json.dumps(found)[:40]}, expected "
            f"{ {str: 'a string', int: 'an integer', list: 'a list'}[kind] }."
        )
    return found


@dataclasses.dataclass(frozen=True)
class TokenizedQuestion:
    """A question with the WordPiece ids that its windows are made of."""

    question: Question
    context: TokenizedText
    question_ids: list[int]  # of any length; windows cut it to `max_query_length`
    answer_ids: list[int]  # of the first answer; empty when there is none


def windows_of_question(
    paragraph: Paragraph,
    tokens: TokenizedQuestion,
    parameters: WindowParameters,
    cls_id: int,
    sep_id: int,
) -> list[Record] | Rejected:
    """The records of one question of a paragraph, or why it has none."""
    question, context = tokens.question, tokens.context
    reason, span = _answer_span(question, context, tokens.answer_ids)
    if reason:
        return Rejected(paragraph.split, paragraph.source, question.id, reason)
    prefix = [cls_id, *tokens.question_ids[: parameters.max_query_length], sep_id]
    size = parameters.max_seq_length - len(prefix) - 1
    windows = cut_windows(len(context.token_ids), size, parameters.doc_stride)
    records = []
    for number, window in enumerate(windows):
        body = [*context.token_ids[slice(*window)], sep_id]
        start_token, end_token = window_label(span, window, len(prefix))
        fields: dict[str, int | str | list[int]] = {
            "token_ids": prefix + body,
            "segment_ids": [0] * len(prefix) + [1] * len(body),
            "start_token": start_token,
            "end_token": end_token,
            "is_impossible": int(question.is_impossible),
            "id": question.id,
            "window": number,
        }
        serialized = features.encode("squad", fields)
        length = len(prefix) + len(body)
        records.append(
            Record(paragraph.split, question.id, number, length, serialized, question.is_impossible)
        )
    return records


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
