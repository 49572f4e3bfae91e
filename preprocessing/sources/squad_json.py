"""SQuAD v1.1 and v2.0 JSON to paragraphs."""

import dataclasses
import functools
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.sources.json_stream import JsonStream


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One question, with the annotated answers (none when it is impossible)."""

    id: str
    question: str
    answers: tuple[tuple[str, int], ...]  # (text, answer_start in characters)
    is_impossible: bool

    def label_text(self) -> str:
        """The annotated answer that training uses, the first; "" when there is none."""
        return self.answers[0][0] if self.answers else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Paragraph:
    """A context with its questions, and where it was read."""

    split: str
    source: str
    context: str
    questions: tuple[Question, ...]

    @property
    def size(self) -> int:
        """Characters of text."""
        return len(self.context) + sum(len(entry.question) for entry in self.questions)


def load_squad(path: str) -> dict[str, Any]:
    """Reads a SQuAD file.

    Raises:
        InputError: no such file, broken JSON (with its line and column), or not SQuAD's layout
            (with the place of the field that is missing or of another type).
    """
    document = _load_json(path)
    for _ in _paragraphs_of(document, path, ""):
        pass  # checks every field
    return document


def _load_json(path: str) -> Any:
    try:
        return json.loads(pathlib.Path(path).read_bytes().decode().removeprefix("\ufeff"))
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
        raise InputError(f"{path}: cannot be read as JSON: {error}.") from error


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
    """The paragraphs of a SQuAD file in its order; only one at a time is held in memory.

    Args:
        path: on any file system; may be compressed.
        split: given to all of them.

    Raises:
        InputError: see `load_squad`; the paragraphs before the bad place are given first.
    """
    with files.reading(path, "a SQuAD JSON file") as stream:
        document = JsonStream(stream, path)
        for i in _items(document, "data", lambda found: _no_data(path)):
            place = f"data[{i}]"
            for j in _items(document, "paragraphs", functools.partial(_no_list, path, place)):
                yield _paragraph(path, split, f"{place}.paragraphs[{j}]", document.value())
        document.end()


def _items(document: JsonStream, name: str, error: Callable[[Any], InputError]) -> Iterator[int]:
    """Goes into the list that the next value, an object, has under a name."""
    found = False
    if document.peek() != "{":
        document.value()
        raise error(None)
    for member in document.members():
        if member != name:
            document.value()
        elif document.peek() != "[":
            raise error(document.value())
        else:
            found = True
            yield from document.items()
    if not found:
        raise error(None)


def _paragraphs_of(document: Any, path: str, split: str) -> Iterator[Paragraph]:
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise _no_data(path)
    for i, article in enumerate(document["data"]):
        for j, entry in enumerate(_field(path, f"data[{i}]", article, "paragraphs", list)):
            yield _paragraph(path, split, f"data[{i}].paragraphs[{j}]", entry)


def _no_data(path: str) -> InputError:
    return InputError(
        f'{path}: not a SQuAD file: expected an object with a list "data", as in '
        '{"version": "1.1", "data": [{"title": …, "paragraphs": […]}]}.'
    )


def _no_list(path: str, place: str, found: Any) -> InputError:
    return _wrong_type(path, f"{place}.paragraphs", found, list)


def _paragraph(path: str, split: str, place: str, entry: Any) -> Paragraph:
    context = _field(path, place, entry, "context", str)
    qas = _field(path, place, entry, "qas", list)
    questions = tuple(_question(path, f"{place}.qas[{k}]", asked) for k, asked in enumerate(qas))
    return Paragraph(split, path, context, questions)


def _question(path: str, place: str, entry: Any) -> Question:
    question_id = _id(path, place, entry)
    answers = _field(path, place, entry, "answers", list) if "answers" in entry else []
    return Question(
        id=question_id,
        question=_field(path, place, entry, "question", str),
        answers=tuple(
            (
                _field(path, f"{place}.answers[{n}]", answer, "text", str),
                _field(path, f"{place}.answers[{n}]", answer, "answer_start", int),
            )
            for n, answer in enumerate(answers)
        ),
        is_impossible="is_impossible" in entry
        and _field(path, place, entry, "is_impossible", bool),
    )


def _id(path: str, place: str, entry: Any) -> str:
    question_id = _field(path, place, entry, "id", str)
    try:
        question_id.encode()  # records, and the files written from them, hold UTF-8
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path}: {place}.id is {ascii(question_id)[:40]}, expected no half of a surrogate "
            "pair."
        ) from error
    return question_id


def _field(path: str, place: str, value: Any, name: str, kind: type) -> Any:
    found = value.get(name) if isinstance(value, dict) else None
    if type(found) is not kind:  # to `isinstance`, true and false are integers
        raise _wrong_type(path, f"{place}.{name}", found, kind)
    return found


def _wrong_type(path: str, place: str, found: Any, kind: type) -> InputError:
    kinds = {str: "a string", int: "an integer", bool: "true or false", list: "a list"}
    value = "an object or a list" if isinstance(found, dict | list) else json.dumps(found)[:40]
    return InputError(f"{path}: not a SQuAD file: {place} is {value}, expected {kinds[kind]}.")
