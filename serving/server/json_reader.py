"""Request bodies to Python values, as TF Serving's JSON parser (RapidJSON) reads them.

The standard library's scanner does the common case. What it refuses, or would read otherwise,
goes through the parser below: `Inf`, any depth, numbers beyond a double, lone surrogates, and the
messages with byte offsets that clients see. Of equal keys the first counts; what follows the
top-level value is ignored. Bytes that are no UTF-8 pass through as surrogate escapes.
"""

import json
import math
import re
from typing import Any

_SPACE = re.compile(rb"[ \t\n\r]+")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]+')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_WORDS = {
    b"true": True, b"false": False, b"null": None, b"NaN": math.nan,
    b"Infinity": math.inf, b"Inf": math.inf, b"-Infinity": -math.inf, b"-Inf": -math.inf,
    b"-NaN": math.nan,
}  # fmt: skip
_WORD = re.compile(b"|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True)))
_ESCAPES = {
    b'"': b'"', b"\\": b"\\", b"/": b"/", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r",
    b"t": b"\t",
}  # fmt: skip
_HEX4 = re.compile(rb"[0-9a-fA-F]{4}")
# The standard library also takes half a surrogate pair, and integers beyond a double.
_HALF_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
    rb"|\\\\u[dD]"  # an escaped backslash may only look like the start of a pair
)
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_TOO_MANY_DIGITS = b"0" * 309
_BOM = b"\xef\xbb\xbf"


class JsonParseError(ValueError):
    """The body is no JSON; the message is what TF Serving says of it."""


def read(body: bytes) -> Any:
    """Parses a request body; ints and floats stay apart by their token.

    Raises:
        JsonParseError: it cannot be parsed.
    """
    if not body:
        raise JsonParseError("JSON Parse error: The document is empty")
    if not _needs_exact_parser(body):
        text = body.decode("utf-8", "surrogateescape")
        try:
            return _DECODER.raw_decode(text, _end_of_space(body, 0))[0]
        except (ValueError, RecursionError):
            pass  # the exact parser knows why, or can read it
    return _Parser(body).document()


def _needs_exact_parser(body: bytes) -> bool:
    if b"\\u" in body and _HALF_PAIR.search(body):
        return True
    return _TOO_MANY_DIGITS in body.translate(_DIGITS_TO_ZERO)


def _end_of_space(body: bytes, start: int) -> int:
    match = _SPACE.match(body, start)
    return match.end() if match else start


def _first_of_equal_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else dict(reversed(pairs))


def _finite(token: str) -> float:
    value = float(token)
    if math.isinf(value):
        raise ValueError(token)  # the exact parser says where
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_first_of_equal_keys, parse_float=_finite)


class _Parser:
    """One pass over the bytes with a stack of its own, so that depth costs nothing."""

    def __init__(self, body: bytes):
        self._body = body
        self._at = len(_BOM) if body.startswith(_BOM) else 0

    def document(self) -> Any:
        self._skip_space()
        if self._at == len(self._body):
            raise self._error("The document is empty.")
        root: list[Any] = []
        stack: list[tuple[Any, str | None]] = [(root, None)]  # (container, key of next value)
        while True:
            container, key = stack[-1]
            value, opened = self._value()
            if isinstance(container, list):
                container.append(value)
            else:
                container.setdefault(key, value)
            if opened and not self._closes_at_once(value):
                stack.append((value, self._key() if isinstance(value, dict) else None))
                continue
            while len(stack) > 1 and self._after_value(stack):
                stack.pop()
            if len(stack) == 1:
                return root[0]

    def _value(self) -> tuple[Any, bool]:
        """The value at this place, and whether it is a container that has just been opened."""
        self._skip_space()
        byte = self._peek()
        if byte == b"{":
            self._at += 1
            return {}, True
        if byte == b"[":
            self._at += 1
            return [], True
        if byte == b'"':
            return self._string(), False
        if word := _WORD.match(self._body, self._at):
            self._at = word.end()
            return _WORDS[word[0]], False
        return self._number(), False

    def _closes_at_once(self, container: Any) -> bool:
        self._skip_space()
        closes = self._peek() == (b"}" if isinstance(container, dict) else b"]")
        self._at += closes
        return closes

    def _after_value(self, stack: list[tuple[Any, str | None]]) -> bool:
        """Reads `,` or the end of the innermost container; True when it ended."""
        container = stack[-1][0]
        is_object = isinstance(container, dict)
        self._skip_space()
        byte = self._peek()
        if byte == (b"}" if is_object else b"]"):
            self._at += 1
            return True
        if byte != b",":
            what = "} after an object member" if is_object else "] after an array element"
            raise self._error(f"Missing a comma or {what}.")
        self._at += 1
        if is_object:
            self._skip_space()
            stack[-1] = (container, self._key())
        return False

    def _key(self) -> str:
        if self._peek() != b'"':
            raise self._error("Missing a name for object member.")
        key = self._string()
        self._skip_space()
        if self._peek() != b":":
            raise self._error("Missing a colon after a name of object member.")
        self._at += 1
        return key

    def _string(self) -> str:
        start = self._at
        self._at += 1
        parts = []
        while True:
            if plain := _PLAIN.match(self._body, self._at):
                parts.append(plain[0])
                self._at = plain.end()
            byte = self._peek()
            if byte == b'"':
                self._at += 1
                return b"".join(parts).decode("utf-8", "surrogateescape")
            if byte == b"\\":
                parts.append(self._escape())
            elif byte == b"":
                raise self._error("Missing a closing quotation mark in string.", start)
            else:
                raise self._error("Invalid encoding in string.")

    def _escape(self) -> bytes:
        start = self._at
        letter = self._body[start + 1 : start + 2]
        self._at += 2
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter != b"u":
            raise self._error("Invalid escape character in string.", start)
        code = self._hex4(start)
        if 0xD800 <= code <= 0xDFFF:
            code = self._surrogate_pair(code, start)
        return chr(code).encode()

    def _surrogate_pair(self, high: int, start: int) -> int:
        if high > 0xDBFF or self._body[self._at : self._at + 2] != b"\\u":
            raise self._error("The surrogate pair in string is invalid.", start)
        self._at += 2
        low = self._hex4(start)
        if not 0xDC00 <= low <= 0xDFFF:
            raise self._error("The surrogate pair in string is invalid.", start)
        return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)

    def _hex4(self, start: int) -> int:
        match = _HEX4.match(self._body, self._at)
        if not match:
            raise self._error("Incorrect hex digit after \\u escape in string.", start)
        self._at = match.end()
        return int(match[0], 16)

    def _number(self) -> int | float:
        start = self._at
        match = _NUMBER.match(self._body, start)
        if not match:
            raise self._error("Invalid value.")
        fraction, exponent = match[1], match[2]
        if fraction == b".":
            raise self._error("Miss fraction part in number.", match.end(1))
        if exponent and not exponent[-1:].isdigit():
            raise self._error("Miss exponent in number.", match.end())
        self._at = match.end()
        value = float(match[0])
        if math.isinf(value):
            raise self._error("Number too big to be stored in double.", start)
        if fraction or exponent:
            return value
        return int(match[0])

    def _peek(self) -> bytes:
        return self._body[self._at : self._at + 1]

    def _skip_space(self) -> None:
        self._at = _end_of_space(self._body, self._at)

    def _error(self, reason: str, offset: int | None = None) -> JsonParseError:
        at = self._at if offset is None else offset
        return JsonParseError(f"JSON Parse error: {reason} at offset: {at}")
