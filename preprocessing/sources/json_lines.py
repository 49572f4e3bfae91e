"""JSON lines: one object a line, good or not."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from preprocessing import files
from preprocessing.errors import InputError

MAX_LINE_SIZE = 1 << 24  # bytes; a longer line is skipped, and never held as a whole
_EXPECTED = 'JSON lines: one object a line, as in {"text": …, "label": …}'


def read_objects(path: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The lines of a file, from 1, each as its object or as why it has none.

    Reasons: "line_too_long", "invalid_utf8", "broken_json", "not_an_object". Lines of white
    space alone are left out.

    Args:
        path: on any file system; may be compressed.

    Raises:
        InputError: the file cannot be read, is not UTF-8 throughout, or is one JSON document.
    """
    with files.reading(path, "JSON lines") as stream:
        for number, line in enumerate(_lines(stream), 1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
                _check_first(path, line)
            if len(line) > MAX_LINE_SIZE:
                yield number, "line_too_long"
            elif line and not line.isspace():
                yield number, _parse(line)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines, of which too long ones are cut."""
    while line := stream.readline(MAX_LINE_SIZE + 1):
        yield line
        while len(line) > MAX_LINE_SIZE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_SIZE + 1) or b"\n"


def _check_first(path: str, line: bytes) -> None:
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path}: is in UTF-16, expected UTF-8. Convert it, e.g. with iconv.")
    start = line.strip()
    if start == b"{" or start.startswith(b"["):
        raise InputError(
            f"{path}: is one JSON document over many lines or a list, expected {_EXPECTED}. "
            "Convert it, e.g. with jq -c '.[]'."
        )


def _parse(line: bytes) -> dict[str, Any] | str:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "invalid_utf8"
    except (ValueError, RecursionError):  # also thousands of digits or brackets
        return "broken_json"
    return value if isinstance(value, dict) else "not_an_object"
