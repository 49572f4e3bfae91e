import pytest

from preprocessing.errors import InputError
from preprocessing.sources.csv_rows import MAX_LINE_LENGTH, read_rows


def rows(tmp_path, content, delimiter=",", quotes=True):
    path = tmp_path / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(str(path), delimiter, quotes))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("a,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])], id="plain"),
        pytest.param("a,b\r\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])], id="windows-line-ends"),
        pytest.param("a,b\r1,2\r", [(1, ["a", "b"]), (2, ["1", "2"])], id="old-mac-line-ends"),
        pytest.param("a\n\n\r\nb\n", [(1, ["a"]), (4, ["b"])], id="empty-lines"),
        pytest.param('"a,""b"""\n', [(1, ['a,"b"'])], id="delimiter-and-doubled-quotes"),
        pytest.param(
            'a,"x\ny\r\nz"\nb,c\n', [(1, ["a", "x\ny\r\nz"]), (4, ["b", "c"])], id="line-ends-in-it"
        ),
        pytest.param('a"b,5" disk\n', [(1, ['a"b', '5" disk'])], id="quotes-in-the-middle"),
        pytest.param("a, b ,\n", [(1, ["a", " b ", ""])], id="spaces-stay"),
        pytest.param("\ufeffa,b\n\ufeffc,d", [(1, ["a", "b"]), (2, ["\ufeffc", "d"])], id="bom"),
        pytest.param("a\0b,\n", [(1, ["a\0b", ""])], id="nul"),
        pytest.param("a\u2028b\x0cc\x1cd\n", [(1, ["a\u2028b\x0cc\x1cd"])], id="no-line-ends"),
        pytest.param(b"a,\xff\xc3\n", [(1, ["a", "\udcff\udcc3"])], id="not-utf-8"),
        pytest.param("", [], id="empty-file"),
        pytest.param('""\n', [(1, [""])], id="empty-cell"),
    ],
)
def test_read_rows(tmp_path, content, expected):
    assert rows(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            'a,"b"c\nd,e\n', [(1, "broken_quotes"), (2, ["d", "e"])], id="text-after-the-quote"
        ),
        pytest.param(
            'a,"b\nc,d\ne,f\n',
            [(1, "broken_quotes"), (2, ["c", "d"]), (3, ["e", "f"])],
            id="never-closed",
        ),
        pytest.param(
            'a,"b\nc,d\ne,"f" \ng,h\n',
            [(1, "broken_quotes"), (2, ["c", "d"]), (3, "broken_quotes"), (4, ["g", "h"])],
            id="closed-by-another-row-s",
        ),
        pytest.param('a,"b', [(1, "broken_quotes")], id="in-the-last-line"),
        pytest.param(
            'a\n"b\n"c\n"d\n',
            [(1, ["a"]), (2, "broken_quotes"), (3, "broken_quotes"), (4, "broken_quotes")],
            id="each-line",
        ),
        pytest.param('"x\ny" z\n', [(1, "broken_quotes"), (2, ['y" z'])], id="over-two-lines"),
    ],
)
def test_a_broken_quote_costs_the_line_that_opens_it_alone(tmp_path, content, expected):
    assert rows(tmp_path, content) == expected


def test_quotes_can_be_plain_characters(tmp_path):
    content = 'a\t"b\n"c"\td\n'
    assert rows(tmp_path, content, "\t", quotes=False) == [(1, ["a", '"b']), (2, ['"c"', "d"])]


LONG = MAX_LINE_LENGTH + 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            "a\n" + "x" * LONG + "\nb\n", [(1, ["a"]), (2, "line_too_long"), (3, ["b"])], id="line"
        ),
        pytest.param("x" * (2 * LONG), [(1, "line_too_long")], id="the-whole-file"),
        pytest.param(
            '"a\n' + "x" * LONG + '"\nb\n',
            [(1, "broken_quotes"), (2, "line_too_long"), (3, ["b"])],
            id="in-quotes",
        ),
        pytest.param("x" * (LONG - 1), [(1, ["x" * (LONG - 1)])], id="just-not"),
    ],
)
def test_lines_that_are_too_long_are_skipped(tmp_path, content, expected):
    assert rows(tmp_path, content) == expected


def test_a_cell_over_many_lines_has_a_limit(tmp_path):
    line = "x" * (1 << 20) + "\n"
    found = rows(tmp_path, '"' + line * 17 + '"\n')
    assert found[0] == (1, "broken_quotes")
    assert [number for number, _ in found] == list(range(1, 19))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_named(tmp_path, encoding):
    content = "\ufeffa,b\n".encode("utf-16-be") if "be" in encoding else "a,b\n".encode("utf-16")
    with pytest.raises(InputError) as caught:
        rows(tmp_path, content)
    assert str(caught.value) == (
        f"{tmp_path}/rows.csv: is in UTF-16, expected UTF-8. Convert it, e.g. with iconv."
    )
