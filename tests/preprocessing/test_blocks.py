import dataclasses
import pathlib

import pytest

from preprocessing import blocks
from preprocessing.blocks import read_block, write_blocks


@dataclasses.dataclass(frozen=True)
class Text:
    size: int


def sizes(folder, elements):
    """The sizes of the elements in each block."""
    found = list(write_blocks((Text(size) for size in elements), str(folder)))
    contents = [read_block(block) for block in found]
    assert [block.elements for block in found] == [len(content) for content in contents]
    return [[text.size for text in content] for content in contents]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([0], [[0]], id="one-without-text"),
        pytest.param([99], [[99]], id="less-than-a-block"),
        pytest.param([40, 60, 1], [[40, 60], [1]], id="exactly-a-block-and-one-more"),
        pytest.param([99, 500, 99], [[99, 500], [99]], id="one-larger-than-a-block"),
        pytest.param([100, 100], [[100], [100]], id="no-empty-block-at-the-end"),
    ],
)
def test_a_block_ends_when_it_is_full(tmp_path, monkeypatch, elements, expected):
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 100)
    assert sizes(tmp_path, elements) == expected


def test_a_source_read_twice_gives_other_blocks(tmp_path):
    first, second = (next(write_blocks([Text(1)], str(tmp_path))) for _ in range(2))
    assert pathlib.Path(first.path).parent == pathlib.Path(second.path).parent == tmp_path
    assert first.path != second.path
    assert read_block(first) == read_block(second) == [Text(1)]


def test_blocks_come_while_the_source_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 2)
    given = []

    def source():
        for number in range(6):
            given.append(number)
            yield Text(1)

    stream = write_blocks(source(), str(tmp_path))
    next(stream)
    assert given == [0, 1]
    next(stream)
    assert given == [0, 1, 2, 3]
