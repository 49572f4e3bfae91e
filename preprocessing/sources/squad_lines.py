"""Questions in JSON lines, one a line, with SQuAD's fields or those of its Hugging Face copy."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from preprocessing import files
from preprocessing.records import Rejected
from preprocessing.sources.json_lines import read_objects
from preprocessing.sources.squad_json import Paragraph, Question

_MAX_QUESTIONS = 64  # of one paragraph: all lines of a file may have the same context


class _Line(NamedTuple):
    number: int
    context: str
    question: Question


def read_question_lines(
    path: str, split: str, need_answers: bool = True
) -> Iterator[Paragraph | Rejected]:
    """The questions of a file in its order; neighbours with one context share a paragraph.

    A line has "id", "question", "context" and "answers": a list of {"text", "answer_start"}, or
    {"text": […], "answer_start": […]}. "is_impossible" is by default whether there are no
    answers, as in Hugging Face's squad_v2; if it is true, "answers" may be left out.

    Rejected are lines with a reason of `read_objects`, and with "missing_<field>",
    "<field>_not_a_string", "bad_answers", "is_impossible_not_a_boolean" and "invalid_utf8" (half
    a surrogate pair in the id).

    Args:
        path: on any file system; may be compressed.
        split: given to all of them.
        need_answers: False to leave out what a line says of its answers; each line is a paragraph
            then, given as soon as it is read.

    Raises:
        InputError: the file cannot be read, or is one JSON document.
    """
    objects = read_objects(path) if need_answers else map(_without_answers, read_objects(path))
    # To know whether the next line has the same context is to wait for it, which may take long.
    together = _MAX_QUESTIONS if need_answers else 1
    lines = (_line(path, split, number, entry) for number, entry in objects)
    for _, neighbours in itertools.groupby(lines, _context):
        while batch := list(itertools.islice(neighbours, together)):
            yield from _joined(path, split, batch)


def _without_answers(
    numbered: tuple[int, dict[str, Any] | str],
) -> tuple[int, dict[str, Any] | str]:
    number, entry = numbered
    if isinstance(entry, str):
        return number, entry
    return number, {**entry, "answers": [], "is_impossible": None}


def _context(line: _Line | Rejected) -> str | Rejected:
    return line if isinstance(line, Rejected) else line.context


def _joined(path: str, split: str, lines: list[_Line | Rejected]) -> Iterator[Paragraph | Rejected]:
    """One paragraph of lines with one context; what is rejected stands alone."""
    good = [line for line in lines if isinstance(line, _Line)]
    if good:
        first, last = good[0].number, good[-1].number
        source = f"{path}:{first}" if first == last else f"{path}:{first}-{last}"
        questions = tuple(line.question for line in good)
        yield Paragraph(split, source, good[0].context, questions)
    yield from (line for line in lines if isinstance(line, Rejected))


def _line(path: str, split: str, number: int, entry: dict[str, Any] | str) -> _Line | Rejected:
    question_id = f"{files.name_of(path)}:{number}"
    if isinstance(entry, str):
        return Rejected(split, f"{path}:{number}", question_id, entry)
    reason = _reason_to_reject(entry)
    if reason:
        if isinstance(entry.get("id"), str) and reason != "invalid_utf8":
            question_id = entry["id"]
        return Rejected(split, f"{path}:{number}", question_id, reason)
    answers = _answers(entry.get("answers")) or ()
    is_impossible = entry.get("is_impossible")
    if is_impossible is None:
        is_impossible = not answers
    question = Question(entry["id"], entry["question"], answers, is_impossible)
    return _Line(number, entry["context"], question)


def _reason_to_reject(entry: dict[str, Any]) -> str:
    """Why a line has no question; "" when it has."""
    for name in ("id", "question", "context"):
        if not isinstance(entry.get(name), str):
            return f"missing_{name}" if entry.get(name) is None else f"{name}_not_a_string"
    try:
        entry["id"].encode()
    except UnicodeEncodeError:
        return "invalid_utf8"
    is_impossible = entry.get("is_impossible")
    if not isinstance(is_impossible, bool | None):
        return "is_impossible_not_a_boolean"
    if entry.get("answers") is None:
        return "" if is_impossible else "missing_answers"
    return "bad_answers" if _answers(entry["answers"]) is None else ""


def _answers(found: Any) -> tuple[tuple[str, int], ...] | None:
    """(text, answer_start) of each answer; None if these are of neither kind."""
    if isinstance(found, dict):
        texts, starts = found.get("text"), found.get("answer_start")
    elif isinstance(found, list) and all(isinstance(answer, dict) for answer in found):
        texts = [answer.get("text") for answer in found]
        starts = [answer.get("answer_start") for answer in found]
    else:
        return None
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        return None
    if {type(text) for text in texts} <= {str} and {type(start) for start in starts} <= {int}:
        return tuple(zip(texts, starts, strict=True))
    return None
