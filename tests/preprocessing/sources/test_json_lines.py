import pytest

from preprocessing.errors import InputError
from preprocessing.sources.json_lines import MAX_LINE_SIZE, read_objects


def objects(tmp_path, content):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    return list(read_objects(str(path)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b'{"a": 1}\n{"a": 2}\n', [(1, {"a": 1}), (2, {"a": 2})], id="plain"),
        pytest.param(b'{"a": 1}\r\n{"a": 2}', [(1, {"a": 1}), (2, {"a": 2})], id="no-last-end"),
        pytest.param(b'\n \n{"a": 1}\n\t\n', [(3, {"a": 1})], id="empty-lines"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}\n', [(1, {"a": 1})], id="byte-order-mark"),
        pytest.param(b'{"a": "\xc3\xa9\xe2\x80\xa8"}\n', [(1, {"a": "é\u2028"})], id="utf-8"),
        pytest.param(b'{"a": "\xe9"}\n{}\n', [(1, "invalid_utf8"), (2, {})], id="latin-1"),
        pytest.param(b'{"a": "\n{}\n', [(1, "broken_json"), (2, {})], id="broken"),
        pytest.param(b'{"a": 1}{}\n{}\n', [(1, "broken_json"), (2, {})], id="two-in-a-line"),
        pytest.param(b'7\n"x"\n[1]\nnull\n', [(i, "not_an_object") for i in (1, 2, 3, 4)], id="no"),
        pytest.param(b'{"a":' * 50_000 + b"\n{}\n", [(1, "broken_json"), (2, {})], id="deep"),
        pytest.param(b'{"a":%s}\n{}\n' % (b"1" * 5000), [(1, "broken_json"), (2, {})], id="digits"),
        pytest.param(b"", [], id="empty-file"),
    ],
)
def test_read_objects(tmp_path, content, expected):
    assert objects(tmp_path, content) == expected


def test_lines_that_are_too_long_are_skipped(tmp_path):
    long = b'{"a": "' + b"x" * (2 * MAX_LINE_SIZE + 5) + b'"}'
    found = objects(tmp_path, b'{"a": 1}\n' + long + b'\n{"a": 3}\n' + long)
    assert found == [(1, {"a": 1}), (2, "line_too_long"), (3, {"a": 3}), (4, "line_too_long")]
    just_not = b'{"a": "' + b"x" * (MAX_LINE_SIZE - 10) + b'"}\n'
    assert len(just_not) == MAX_LINE_SIZE
    ((_, entry),) = objects(tmp_path, just_not)
    assert len(entry["a"]) == MAX_LINE_SIZE - 10


ONE_DOCUMENT = (
    "is one JSON document over many lines or a list, expected JSON lines: one object a line, as "
    """in {"text": …, "label": …}. Convert it, e.g. with jq -c '.[]'."""
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'[{"a": 1}]\n', ONE_DOCUMENT, id="list"),
        pytest.param(b'{\n  "a": 1\n}\n', ONE_DOCUMENT, id="over-lines"),
        pytest.param(
            '{"a": 1}\n'.encode("utf-16"),
            "is in UTF-16, expected UTF-8. Convert it, e.g. with iconv.",
            id="utf-16",
        ),
    ],
)
def test_files_that_are_something_else(tmp_path, content, message):
    with pytest.raises(InputError) as caught:
        objects(tmp_path, content)
    assert str(caught.value) == f"{tmp_path}/rows.jsonl: {message}"
