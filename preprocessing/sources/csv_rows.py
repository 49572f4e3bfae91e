"""Rows of CSV and TSV files, good or not."""

import collections
import csv
import io
from collections.abc import Iterator
from typing import TextIO

from preprocessing import files
from preprocessing.errors import InputError

MAX_LINE_LENGTH = 1 << 24  # characters; of a line, and of a cell over several lines


def read_rows(path: str, delimiter: str, quotes: bool) -> Iterator[tuple[int, list[str] | str]]:
    """The rows of a file, each with the line that it starts in (from 1) and its cells.

    A line that no row can be read from has a reason instead: "broken_quotes" or
    "line_too_long". Where a quote is opened and not rightly closed, that is the line that opens
    it; reading goes on with the next, so that no other row is lost. Empty lines are left out.
    Bytes that are not UTF-8 stand in the cells as surrogates (`surrogateescape`).

    Args:
        path: on any file system; may be compressed.
        delimiter: between the cells, a comma or a tab.
        quotes: whether cells may be quoted, and then hold delimiters and line ends. False takes
            quotes as they are, as many TSV files mean them.

    Raises:
        InputError: the file cannot be read, or is in UTF-16.
    """
    csv.field_size_limit(MAX_LINE_LENGTH)
    with files.reading(path, "CSV or TSV") as stream:
        # A BOM is not part of the first column's name. Line ends within quotes stay as they are.
        lines = _Lines(io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline=""))
        rows = csv.reader(
            lines,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
            strict=True,
        )
        while True:
            lines.begin_row()
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:
                yield lines.start, "broken_quotes" if lines.row[0] else "line_too_long"
                lines.return_all_but_first()
            else:
                if lines.start == 1:
                    _check_encoding(path, row)
                if row:
                    yield lines.start, row


class _Lines:
    """The lines of a file, by row, as some of them have to be read again."""

    def __init__(self, text: TextIO):
        self._text = text
        self._again: collections.deque[str | None] = collections.deque()
        self.start = 1  # number of the row's first line
        self.row: list[str | None] = []  # its lines so far; None for one that is too long

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if line == "":
            raise StopIteration
        self.row.append(line)
        if line is None:
            raise csv.Error("line too long")
        return line

    def _read(self) -> str | None:
        line = self._text.readline(MAX_LINE_LENGTH + 1)
        if len(line) <= MAX_LINE_LENGTH:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(MAX_LINE_LENGTH + 1)
        return None

    def begin_row(self) -> None:
        self.start += len(self.row)
        self.row = []

    def return_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.row[1:]))
        self.row = self.row[:1]


def _check_encoding(path: str, row: list[str]) -> None:
    if row and row[0].startswith(("\udcff\udcfe", "\udcfe\udcff")):
        raise InputError(f"{path}: is in UTF-16, expected UTF-8. Convert it, e.g. with iconv.")
