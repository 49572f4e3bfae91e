"""A user's own labelled texts, in CSV, TSV or JSON lines."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.records import Rejected
from preprocessing.sources.csv_rows import read_rows
from preprocessing.sources.json_lines import read_objects

MAX_LABELS = 1000
_NO_LABEL = ""
DELIMITERS = {".csv": ",", ".tsv": "\t"}


@dataclasses.dataclass(frozen=True, slots=True)
class Review:
    """One labelled text, a review or any other, as it was read; it may not be UTF-8."""

    id: str  # "train/pos/0_9"
    split: str  # as in the source: "train", "validation" or "test"
    label: int  # its place among the labels; 1 positive, 0 negative
    source: str  # the file it stands in, and where
    content: bytes

    @property
    def size(self) -> int:
        """Bytes of text."""
        return len(self.content)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a text and its label stand in a row.

    Attributes:
        text_column: a name in the header, or a key of the objects.
        label_column: the same of the label: a string, an integer, or true or false. None for
            texts without labels, which get the number 0.
        id_column: the same of the id, a string or an integer. Without it the id is
            "<name>:<line>", by the line that the row starts in.
        id_optional: whether files, and rows, may do without that column.
        labels: names of the labels in the order of their numbers. Rows with others are rejected.
        other_names: what rows may call a label instead -> one of `labels`.
        quotes: False where quotes are plain characters, as in many TSV files.
        names: path of a source -> its name in ids; by default the file's. Ids are to differ
            over all files of a job: see `readers.short_names`.
    """

    text_column: str = "text"
    label_column: str | None = "label"
    id_column: str | None = None
    id_optional: bool = False
    labels: tuple[str, ...] = ()
    other_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    quotes: bool = True
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.text_column == self.label_column:
            raise InputError(
                f"--text_column and --label_column are both {self.text_column!r}, expected two."
            )
        if len(set(self.labels)) < len(self.labels):
            raise InputError(f"--labels are {','.join(self.labels)}, expected each once.")

    def asked(self) -> list[str]:
        """The columns to read: text, label and, if there is one, id."""
        given = (self.text_column, self.label_column, self.id_column)
        return [column for column in given if column is not None]


class _Row(NamedTuple):
    id: str
    label: str
    content: bytes


def read_labelled_texts(path: str, split: str, columns: Columns) -> Iterator[Review | Rejected]:
    """The rows of a file in its order.

    Rejected are those with a reason of `read_rows` or `read_objects`, and with "too_few_columns",
    "too_many_columns", "missing_text", "missing_label", "missing_id", "text_not_a_string",
    "label_not_a_string", "id_not_a_string", "invalid_utf8" (lone surrogates in JSON among them)
    and "unknown_label".

    Args:
        path: on any file system; may be compressed.
        split: given to all of them.
        columns: where to look.

    Raises:
        InputError: the file cannot be read, or has no such column.
    """
    numbers = _numbers(columns)
    name = columns.names.get(path) or files.name_of(path)
    for line, row in _rows(path, columns, name):
        source = f"{path}:{line}"
        if isinstance(row, str):
            yield Rejected(split, source, f"{name}:{line}", row)
        elif row.label not in numbers:
            yield Rejected(split, source, row.id, "unknown_label")
        else:
            yield Review(row.id, split, numbers[row.label], source, row.content)


def _numbers(columns: Columns) -> dict[str, int]:
    """Of each label, by every name that it has."""
    if columns.label_column is None:
        return {_NO_LABEL: 0}
    numbers = {label: number for number, label in enumerate(columns.labels)}
    return numbers | {other: numbers[label] for other, label in columns.other_names.items()}


def unknown_labels(path: str, columns: Columns, most: int) -> list[str]:
    """The first labels of a file that are none of `columns.labels`, each once.

    Raises:
        InputError: the file cannot be read.
    """
    numbers, found = _numbers(columns), dict[str, None]()
    for _, row in _rows(path, columns, ""):
        if not isinstance(row, str) and row.label not in numbers:
            found[row.label] = None
            if len(found) == most:
                break
    return list(found)


def discover_labels(paths: Sequence[str], columns: Columns) -> tuple[str, ...]:
    """All labels of some files: by number if all are integers, else in the order of text.

    So of "negative" and "positive", 0 and 1, "false" and "true" the latter has number 1.

    Raises:
        InputError: a file cannot be read, or there are not 2 to `MAX_LABELS` labels.
    """
    labels: set[str] = set()
    for path in paths:
        for _, row in _rows(path, columns, ""):
            if not isinstance(row, str):
                labels.add(row.label)
                _check_number(path, columns, labels, row.label)
    if len(labels) < 2:
        found = f"only {labels.pop()[:40]!r}" if labels else "none"
        raise InputError(
            f"{', '.join(paths[:3])}: expected two labels or more in --label_column "
            f"{columns.label_column!r}, found {found}."
        )
    return tuple(sorted(labels, key=_integer if all(map(_is_integer, labels)) else None))


def _check_number(path: str, columns: Columns, labels: set[str], last: str) -> None:
    if len(labels) > MAX_LABELS:
        raise InputError(
            f"{path}: --label_column {columns.label_column!r} has more than {MAX_LABELS:,} "
            f"different values, such as {last[:40]!r}, expected labels. Is it the right column?"
        )


def _is_integer(label: str) -> bool:
    return label.isascii() and label.removeprefix("-").isdigit() and len(label) < 20


def _integer(label: str) -> tuple[int, str]:
    return int(label), label  # "01" before "1", in every run


def _rows(path: str, columns: Columns, name: str) -> Iterator[tuple[int, _Row | str]]:
    """Each row's line, and what is asked for or why it cannot be had."""
    delimiter = DELIMITERS.get(files.extension_of(path))
    rows = _of_objects(path, columns) if delimiter is None else _of_table(path, delimiter, columns)
    for line, cells in rows:
        if isinstance(cells, str):
            yield line, cells
        else:
            text, *others = cells
            label = _NO_LABEL if columns.label_column is None else others.pop(0)
            row_id = None if columns.id_column is None else others.pop(0)
            if columns.id_column is None or (columns.id_optional and row_id in (None, "")):
                row_id = f"{name}:{line}"
            yield line, _row(text, label, row_id, columns.label_column is not None)


def _of_objects(path: str, columns: Columns) -> Iterator[tuple[int, list[Any] | str]]:
    asked = columns.asked()
    for line, entry in read_objects(path):
        yield line, entry if isinstance(entry, str) else [entry.get(key) for key in asked]


def _of_table(path: str, delimiter: str, columns: Columns) -> Iterator[tuple[int, list[Any] | str]]:
    rows = read_rows(path, delimiter, columns.quotes)
    _, header = next(rows, (1, []))
    if isinstance(header, str):
        raise InputError(f"{path}: the first line, with the columns, cannot be read ({header}).")
    places = _places(path, header, columns)
    for line, cells in rows:
        if isinstance(cells, str):
            yield line, cells
        elif len(cells) != len(header):
            yield line, "too_few_columns" if len(cells) < len(header) else "too_many_columns"
        else:
            yield line, [None if place is None else cells[place] for place in places]


def _places(path: str, header: list[str], columns: Columns) -> list[int | None]:
    """Of the columns that are asked for; None for an id that the file does without."""
    asked = columns.asked()
    if columns.id_optional and columns.id_column is not None and header.count(asked[-1]) != 1:
        return [*(_place(path, header, column) for column in asked[:-1]), None]
    return [_place(path, header, column) for column in asked]


def _place(path: str, header: list[str], column: str) -> int:
    if header.count(column) == 1:
        return header.index(column)
    problem = "more than one column" if column in header else "no column"
    found = ", ".join(ascii(cell[:40]) for cell in header[:20]) or "none, as the file is empty"
    raise InputError(f"{path}: {problem} {column!r}. Those in the first line are {found}.")


def _row(text: Any, label: Any, row_id: Any, has_label: bool) -> _Row | str:
    """A row of text, label and id, or why it is none."""
    if type(text) is not str:
        return "missing_text" if text is None else "text_not_a_string"
    named = (("label", label), ("id", row_id))
    for name, value in named if has_label else named[1:]:
        if not isinstance(value, str | int) or value == "":
            return f"missing_{name}" if value in (None, "") else f"{name}_not_a_string"
    try:
        row = _Row(_plain(row_id), _plain(label), text.encode())
        (row.id + row.label).encode()
    except UnicodeEncodeError:
        return "invalid_utf8"
    return row


def _plain(value: str | int) -> str:
    """A value as JSON writes it, without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)
