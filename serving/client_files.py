"""Files of texts or questions in, JSON lines of a server's answers out."""

import collections
import contextlib
import dataclasses
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.progress import progress
from preprocessing.records import Rejected
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from serving.batch.rows import Row, read_questions, read_texts
from serving.client import Client, Options
from serving.client_output import TEXT_SOURCES
from serving.errors import InvalidRequest
from serving.in_order import in_order
from serving.live_rows import batches_as_they_come, named, stdin_as_file
from serving.output_files import STANDARD, check_all_differ, written
from serving.results import Answer, Classification

_NO_SPLIT = ""
_ID = "id"  # the column of ids, where there is one
_INPUTS = {False: ("text",), True: ("context", "question")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked about a source.

    Attributes:
        source: a file, an aclImdb folder, or "-" for stdin.
        stdin_format: its extension if it were a file: "txt", "csv", "tsv", "jsonl" or "json".
        text_column, id_column: of texts in CSV, TSV and JSON lines; None: "id" where there is one,
            else the file and the line.
        n_best: answers to list besides the served one.
        is_qa: whether it holds questions, and not texts.
        options: the model and its version.
    """

    source: str
    stdin_format: str
    text_column: str
    id_column: str | None
    n_best: int
    is_qa: bool
    options: Options


def ask_file(
    client: Client, asked: Asked, output: str, rejected: str | None, batch_size: int,
    concurrency: int,
) -> int:  # fmt: skip
    """Asks every row, and writes a line for each in the order of the source.

    Args:
        client: of the server; its deadline is that of each request.
        asked: what.
        output: a file, which appears when all is done, or "-".
        rejected: a file for the rows without an answer, and why; None: beside the output, or
            on stderr.
        batch_size: rows of a request.
        concurrency: requests under way at once.

    Returns:
        How many rows were rejected.

    Raises:
        InputError: the source cannot be read, a file would be written over it or another one
            or cannot be made, or the model takes something else.
        OSError: a file cannot be written to its end.
        ServingError: the server stopped answering.
    """
    if rejected is None and output != STANDARD:
        rejected = f"{output}.rejected"
    check_all_differ(asked.source, output, rejected)
    reasons: collections.Counter[str] = collections.Counter()
    done = 0
    with (
        written("--output", output) as lines,
        written("--rejected", rejected) as rejects,
        progress("ask", None) as update,
    ):
        _check_model(client, asked)
        asker = _Asker(client, asked)
        with (
            _batches(asked, batch_size) as batches,
            contextlib.closing(in_order(asker.ask, batches, concurrency)) as results,
        ):
            for result in results:
                for one in result:
                    if isinstance(one, Rejected):
                        reasons[one.reason] += 1
                        rejects.write(_rejection(one, rejected is None))
                    else:
                        lines.write(one)
                done += len(result)
                update(done)
                lines.flush()
    _say(done, reasons, rejected)
    return reasons.total()


class _Asker:
    """Makes the output of batches, in several threads at once."""

    def __init__(self, client: Client, asked: Asked):
        self._client, self._asked = client, asked

    def ask(self, batch: Sequence[Row | Rejected]) -> list[str | Rejected]:
        """A line for each row; what the reader has rejected stays so."""
        rows = [one for one in batch if isinstance(one, Row)]
        answers = iter(self._ask_rows(rows) if rows else ())
        return [next(answers) if isinstance(one, Row) else one for one in batch]

    def _ask_rows(self, rows: Sequence[Row]) -> list[str | Rejected]:
        try:
            return list(map(_line, rows, self._answers(rows)))
        except InvalidRequest as error:
            if len(rows) == 1:
                reason = f"refused: {' '.join(str(error).split())}"
                return [Rejected(_NO_SPLIT, rows[0].source, rows[0].id, reason)]
        return [line for row in rows for line in self._ask_rows([row])]  # one of them is to blame

    def _answers(self, rows: Sequence[Row]) -> Iterable[Mapping[str, Any]]:
        columns = [
            [text.decode() for text in texts]
            for texts in zip(*(r.texts for r in rows), strict=True)
        ]
        options, n_best = self._asked.options, self._asked.n_best
        if not self._asked.is_qa:
            return map(_of_text, self._client.classify(columns[0], **options))
        questions, contexts = columns
        answers = map(_of_question, self._client.answers(questions, contexts, **options))
        if not n_best:
            return answers
        lists = self._client.nbests(questions, contexts, n_best, **options)
        return ({**served, "nbest": list(map(_of_list, best))}
                for served, best in zip(answers, lists, strict=True))  # fmt: skip


def _of_text(found: Classification) -> dict[str, Any]:
    if found.label is None:
        return {"probability": found.probability}
    return {"label": found.label, "probabilities": found.probabilities}


def _of_question(answer: Answer) -> dict[str, Any]:
    return {**_of_list(answer), "null_odds": answer.null_odds}


def _of_list(answer: Answer) -> dict[str, Any]:
    return {"answer": answer.text, "start": answer.start, "end": answer.end,
            "probability": answer.probability}  # fmt: skip


def _line(row: Row, answer: Mapping[str, Any]) -> str | Rejected:
    try:
        return json.dumps({"id": row.id, **answer}, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        return Rejected(_NO_SPLIT, row.source, row.id, "answer_not_finite")


def _rejection(one: Rejected, for_people: bool) -> str:
    if for_people:
        return f"rejected: {one.source}: {one.reason}\n"
    fields = {"source": one.source, "id": one.id, "reason": one.reason}
    return json.dumps(fields, ensure_ascii=True) + "\n"


def _say(done: int, reasons: Mapping[str, int], rejected: str | None) -> None:
    total = sum(reasons.values())
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    more = f" ({listed[:500]})" + (f": see {rejected}" if rejected else "") if total else ""
    print(f"{done - total} answered, {total} rejected{more}", file=sys.stderr)


def _check_model(client: Client, asked: Asked) -> None:
    model = asked.options["model"]
    metadata = client.metadata(model, asked.options["version"], label=asked.options["label"])
    signature = metadata.signatures.get("serving_default")
    found = tuple(sorted(signature.inputs)) if signature else ()
    if found != _INPUTS[asked.is_qa]:
        raise InputError(
            f"{model}: its inputs are {', '.join(found) or 'none'}, expected "
            f"{' and '.join(_INPUTS[asked.is_qa])}. --model names another."
        )


def read_rows(
    path: str, is_qa: bool, text_column: str, id_column: str | None = None
) -> Iterator[Row | Rejected]:
    """The rows of a source, of the kinds that docs/client.md lists.

    Raises:
        InputError: the source cannot be read, or is of no known kind.
    """
    if is_qa:
        return read_questions(path, _NO_SPLIT)
    if files.extension_of(path) == ".txt":
        return _text_lines(path)
    readers.is_imdb(path, TEXT_SOURCES)  # fails for a file of no known kind
    by_default = None if text_column == _ID else _ID
    columns = Columns(
        text_column=text_column, label_column=None, id_column=id_column or by_default,
        id_optional=id_column is None,
    )  # fmt: skip
    return read_texts(path, _NO_SPLIT, columns)


def _text_lines(path: str) -> Iterator[Row | Rejected]:
    """A text in each line; blank lines are none."""
    name = files.name_of(path)
    with files.reading(path, "texts, one a line") as stream:
        for number, line in enumerate(stream, 1):
            text, row_id, source = line.rstrip(b"\r\n"), f"{name}:{number}", f"{path}:{number}"
            if not text.strip():
                continue
            try:
                text.decode()
            except UnicodeDecodeError:
                yield Rejected(_NO_SPLIT, source, row_id, "invalid_utf8")
            else:
                yield Row(row_id, source, (text,))


@contextlib.contextmanager
def _batches(asked: Asked, batch_size: int) -> Iterator[Iterator[list[Row | Rejected] | None]]:
    """The rows of the source in batches; those of stdin as they come."""

    def rows(path: str) -> Iterator[Row | Rejected]:
        return read_rows(path, asked.is_qa, asked.text_column, asked.id_column)

    if asked.source != STANDARD:
        yield _full_batches(rows(asked.source), batch_size)
        return
    with stdin_as_file(asked.stdin_format) as path:
        yield batches_as_they_come(named(rows(path), path), batch_size)


def _full_batches(
    elements: Iterator[Row | Rejected], batch_size: int
) -> Iterator[list[Row | Rejected]]:
    while batch := list(itertools.islice(elements, batch_size)):
        yield batch
