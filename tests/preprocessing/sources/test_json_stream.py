import io
import json

import pytest

from preprocessing.errors import InputError
from preprocessing.sources.json_stream import JsonStream

# Every kind of value; the numbers at the ends go on where a chunk ends.
DOCUMENT = """ {"a": [1, 23.5e-1, -456, "x\\u00e9\\ud83d\\ude00\\n", "é", "😀"],
 "b": {"c": [[], {}, [[null]]], "d": true, "e": NaN}, "f": [], "g": {}, "h": 12345 } \n"""


class Trickle(io.BytesIO):
    """Gives so many bytes at a time, however many are asked for."""

    def __init__(self, content: bytes, size: int):
        super().__init__(content)
        self._size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._size)


def walk(stream):
    """The next value, by going into all objects and lists."""
    if stream.peek() == "{":
        return {key: walk(stream) for key in stream.members()}
    if stream.peek() == "[":
        return [walk(stream) for _ in stream.items()]
    return stream.value()


def whole(stream):
    return stream.value()


def read(content, size, how):
    stream = JsonStream(Trickle(content, size), "x.json")
    value = how(stream)
    stream.end()
    return value


@pytest.mark.parametrize("how", [walk, whole])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 10_000])
def test_any_chunks_give_what_json_gives(how, size):
    # As text: NaN is not equal to itself.
    assert repr(read(DOCUMENT.encode(), size, how)) == repr(json.loads(DOCUMENT))
    assert read(b"\xef\xbb\xbf[1]", size, how) == [1]  # a byte order mark
    assert read(b"12345", size, how) == 12345


def test_items_are_numbered_and_values_can_be_passed_over():
    stream = JsonStream(io.BytesIO(b'{"x": {"y": [5]}, "z": ["a", "b"]}'), "x.json")
    seen = []
    for key in stream.members():
        if key == "z":
            seen += [(number, stream.value()) for number in stream.items()]
        else:
            stream.value()
    stream.end()
    assert seen == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("how", [walk, whole])
@pytest.mark.parametrize("size", [1, 5, 10_000])
@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param(b"", "line 1 column 1: Expecting value", id="empty"),
        pytest.param(b"\n \n  ", "line 3 column 3: Expecting value", id="white-space"),
        pytest.param(b'{"a":\n [1, 2', "line 2 column 7: Expecting ',' delimiter", id="cut-list"),
        pytest.param(b'{"a": 1', "line 1 column 8: Expecting ',' delimiter", id="cut-object"),
        pytest.param(b'{"a" 1}', "line 1 column 6: Expecting ':' delimiter", id="no-colon"),
        pytest.param(b'{\n\n"a": }', "line 3 column 6: Expecting value", id="no-value"),
        pytest.param(b'["a\nb"]', "line 1 column 4: Invalid control character at", id="newline"),
        pytest.param(b'["ab', "line 1 column 2: Unterminated string starting at", id="cut-string"),
        pytest.param(b"[1] [", "line 1 column 5: Extra data", id="two-documents"),
        pytest.param(b"[1\n2]", "line 2 column 1: Expecting ',' delimiter", id="no-comma"),
        pytest.param(b"[1]x", "line 1 column 4: Extra data", id="text-after-it"),
        pytest.param(b"tru", "line 1 column 1: Expecting value", id="cut-literal"),
        pytest.param(
            b"{1: 2}",
            "line 1 column 2: Expecting property name enclosed in double quotes",
            id="number-as-key",
        ),
    ],
)
def test_broken_json_has_the_place_that_json_names(how, size, content, place):
    with pytest.raises(InputError) as caught:
        read(content, size, how)
    assert str(caught.value) == f"x.json: broken JSON at {place}."
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(content)
    line, column, message = expected.value.lineno, expected.value.colno, expected.value.msg
    assert place == f"line {line} column {column}: {message}"


@pytest.mark.parametrize("size", [1, 5, 10_000])
@pytest.mark.parametrize(
    ("content", "byte"),
    [
        (b'["a\xff"]', 3),
        ('["éé'.encode() + b'\xc3"]', 6),
        ('["é'.encode()[:-1], 2),
        (b'\xef\xbb\xbf["a\xff"]', 6),
    ],
    ids=["no-character", "after-others", "cut", "after-byte-order-mark"],
)
def test_invalid_utf8_has_its_byte(size, content, byte):
    with pytest.raises(InputError, match=rf"^x\.json: invalid UTF-8 at byte {byte}\.$"):
        read(content, size, walk)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "maximum recursion depth exceeded"),
        (b"1" * 5000, "Exceeds the limit (4300 digits)"),
    ],
    ids=["deep", "digits"],
)
def test_more_than_python_reads(content, message):
    with pytest.raises(InputError) as caught:
        read(content, 10_000, whole)
    assert str(caught.value).startswith(f"x.json: cannot be read as JSON: {message}")
    assert "\n" not in str(caught.value)


def test_a_long_value_is_not_scanned_for_every_chunk():
    # 64 MB in chunks of 256 KB: scanned again after each it would take minutes.
    text = "x" * (1 << 26)
    assert read(f'["{text}"]'.encode(), 1 << 30, whole) == [text]
    stream = JsonStream(io.BytesIO(f'["{text}"]'.encode()), "x.json")
    assert stream.value() == [text]
