"""Request bodies as RapidJSON reads them, with its messages and offsets: sections 4.2, 4.4, 9."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.server import json_reader


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b" \n", "The document is empty. at offset: 2"),
        (b"{", "Missing a name for object member. at offset: 1"),
        (b"{1: 2}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 2}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a": 2 "b"}', "Missing a comma or } after an object member. at offset: 8"),
        (b'{"a": 2,}', "Missing a name for object member. at offset: 8"),
        (b"[1 2]", "Missing a comma or ] after an array element. at offset: 3"),
        (b"[1,]", "Invalid value. at offset: 3"),
        (b"nul", "Invalid value. at offset: 0"),
        (b"[+1]", "Invalid value. at offset: 1"),
        (b'["\\x"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\u12g4"]', "Incorrect hex digit after \\u escape in string. at offset: 2"),
        (b'["\\ud800"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b'["\\\\ud83d\\udc00"]', "The surrogate pair in string is invalid. at offset: 9"),
        (b'["\\ud83d\\ud83d\\udc00"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b'["\\udc00"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b'["abc', "Missing a closing quotation mark in string. at offset: 1"),
        (b'["a\nb"]', "Invalid encoding in string. at offset: 3"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e]", "Miss exponent in number. at offset: 3"),
        (b"[1e999]", "Number too big to be stored in double. at offset: 1"),
        (b"[" + b"9" * 400 + b"]", "Number too big to be stored in double. at offset: 1"),
    ],
)
def test_4_4_errors(body, message):
    with pytest.raises(json_reader.JsonParseError) as caught:
        json_reader.read(body)
    assert str(caught.value) == f"JSON Parse error: {message}"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b'{"a": Inf, "a": 2}', {"a": math.inf}),
        (b"[Infinity, -Infinity, Inf, -Inf]", [math.inf, -math.inf, math.inf, -math.inf]),
        (b"[1, 1.0, -0, 1e2, 0.5E-1]", [1, 1.0, 0, 100.0, 0.05]),
        (b"\xef\xbb\xbf [1]", [1]),
        (b"{} {", {}),
        (b'["\\ud83d\\ude00\\u00e9\\/\\n"]', ["😀é/\n"]),
        (b'["\xff"]', ["\udcff"]),
        (b'["\\ud83d\\ude00\xff"]', ["😀\udcff"]),
        (b"[[], {}, [{}]]", [[], {}, [{}]]),
    ],
)
def test_4_2_values(body, value):
    found = json_reader.read(body)
    assert found == value
    assert repr(found) == repr(value)  # 1 and 1.0 differ


def test_9_depth_costs_nothing():
    value = json_reader.read(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    for _ in range(100_000):
        value = value["a"]
    assert value == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(json_values, st.booleans())
def test_both_parsers_read_what_the_standard_library_writes(value, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert json_reader.read(body) == value
    assert json_reader._Parser(body).document() == value
