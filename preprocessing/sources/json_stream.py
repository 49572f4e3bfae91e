"""A JSON document read value by value, never held as a whole."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from preprocessing.errors import InputError

_CHUNK_SIZE = 1 << 18  # bytes
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")


class JsonStream:
    """Walks through a document: into its objects and lists, or over whole values.

    It takes what `json.loads` takes, by the same scanner, and holds the largest single value
    that is asked for. `members` and `items` go into an object or a list; for each key or number
    that they give, the caller takes the value that stands there, in one of the three ways.

    Args:
        stream: the document, in UTF-8.
        path: named in messages.

    Raises:
        InputError: from any method: broken JSON (with its line and column), invalid UTF-8 (with
            its byte), or more digits or levels than Python reads.
    """

    def __init__(self, stream: BinaryIO, path: str):
        self._stream = stream
        self._path = path
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._text, self._at = "", 0  # what was read last, and how far it was taken
        self._lines, self._column = 0, 0  # of the text's first character, from 0
        self._bytes_read = 0

    def peek(self) -> str:
        """The first character of what comes next; "" at the end."""
        while True:
            white_space = _WHITE_SPACE.match(self._text, self._at)
            assert white_space is not None  # it may be empty
            self._at = white_space.end()
            if self._at < len(self._text) or not self._read_more():
                return self._text[self._at : self._at + 1]

    def value(self) -> Any:
        """Takes the next value, whole."""
        self.peek()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._read_more():
                    self._fail(error.msg, error.pos)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{self._path}: cannot be read as JSON: {error}.") from error
            else:
                # A number near the end of the text may go on: of 5e-1 this may be 5 and "e-".
                if end + 2 < len(self._text) or not self._read_more():
                    self._at = end
                    return value

    def members(self) -> Iterator[str]:
        """Goes into an object; gives each key, before its value is taken."""
        self._take("{", "Expecting value")
        if self.peek() == "}":
            self._at += 1
            return
        separator = ","
        while separator == ",":
            if self.peek() != '"':
                self._fail("Expecting property name enclosed in double quotes", self._at)
            key = self.value()
            self._take(":", "Expecting ':' delimiter")
            yield key
            separator = self._take(",}", "Expecting ',' delimiter")

    def items(self) -> Iterator[int]:
        """Goes into a list; gives the number of each value, before it is taken."""
        self._take("[", "Expecting value")
        if self.peek() == "]":
            self._at += 1
            return
        number, separator = 0, ","
        while separator == ",":
            yield number
            number += 1
            separator = self._take(",]", "Expecting ',' delimiter")

    def end(self) -> None:
        """Makes sure that nothing follows."""
        if self.peek():
            self._fail("Extra data", self._at)

    def _take(self, characters: str, otherwise: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            self._fail(otherwise, self._at)
        self._at += 1
        return found

    def _read_more(self) -> bool:
        """Adds to the text, after dropping what was taken; False at the end of the document."""
        # As much as there is already: long values are scanned again a few times only.
        chunk = self._stream.read(max(_CHUNK_SIZE, len(self._text) - self._at))
        try:
            added = self._decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            start = self._bytes_read + len(chunk) - len(error.object) + error.start
            raise InputError(f"{self._path}: invalid UTF-8 at byte {start}.") from error
        if not chunk:
            return False
        self._bytes_read += len(chunk)
        self._lines, self._column = self._place(self._at)
        self._text, self._at = self._text[self._at :] + added, 0
        return True

    def _place(self, at: int) -> tuple[int, int]:
        lines = self._text.count("\n", 0, at)
        if not lines:
            return self._lines, self._column + at
        return self._lines + lines, at - self._text.rfind("\n", 0, at) - 1

    def _fail(self, message: str, at: int) -> NoReturn:
        line, column = self._place(at)
        raise InputError(
            f"{self._path}: broken JSON at line {line + 1} column {column + 1}: {message}."
        )
