import numpy as np
import pytest

from preprocessing.dataset_info import DatasetInfo, SplitInfo
from preprocessing.errors import InputError
from preprocessing.length_plot import length_figure, write_plot


def split_info(length_histogram, tokens):
    records = sum(length_histogram.values())
    return SplitInfo(
        records=records,
        examples=records,
        tokens=tokens,
        shards=[],
        length_histogram=length_histogram,
    )


def figure_of(**splits):
    info = DatasetInfo(
        task="imdb",
        splits=splits,
        rejected={},
        parameters={},
        vocabulary_sha256="",
        lowercase=True,
        sources={},
        digest="0123456789abcdef",
        versions={},
    )
    return length_figure(info, splits)


def data_lines(figure):
    (axes,) = figure.axes
    return [line for line in axes.lines if not line.get_label().startswith("_")]


def borders(figure):
    """Where the vertical lines are, and which numbers stand above them."""
    (axes,) = figure.axes
    lines = [line.get_xdata() for line in axes.lines if line.get_label().startswith("_")]
    (top,) = axes.child_axes
    assert all(left == right for left, right in lines)
    return [left for left, _ in lines], list(top.get_xticks())


def test_a_line_for_each_split_holds_the_share_of_each_bin():
    figure = figure_of(
        train=split_info({"32": 1, "96": 3}, tokens=222), test=split_info({"64": 5}, tokens=300)
    )
    train, test = data_lines(figure)
    assert train.get_label() == "train: 4 records, mean 56 tokens"
    np.testing.assert_array_equal(train.get_xdata(), [16, 48, 80])
    np.testing.assert_array_equal(train.get_ydata(), [25, np.nan, 75])
    assert test.get_label() == "test: 5 records, mean 60 tokens"
    np.testing.assert_array_equal(test.get_ydata(), [np.nan, 100])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == [train.get_label(), test.get_label()]


@pytest.mark.parametrize(
    ("longest", "expected", "end"),
    [
        pytest.param("32", [32], 32, id="shortest"),
        pytest.param("384", [32, 64, 96, 128, 192, 256, 384], 384, id="ends-at-a-border"),
        pytest.param("416", [32, 64, 96, 128, 192, 256, 384, 512], 512, id="inside-a-bucket"),
        pytest.param("640", [32, 64, 96, 128, 192, 256, 384, 512], 640, id="longer-than-all"),
    ],
)
def test_borders_up_to_the_bucket_of_the_longest_record(longest, expected, end):
    figure = figure_of(train=split_info({longest: 2}, tokens=60))
    assert borders(figure) == (expected, expected)
    assert figure.axes[0].get_xlim() == (0, end)


def test_axes_say_what_they_measure():
    (axes,) = figure_of(train=split_info({"64": 2}, tokens=100)).axes
    assert axes.get_xlabel() == "length of a record (tokens)"
    assert axes.get_ylabel() == "records per 32 tokens (% of the split, logarithmic)"
    assert axes.get_yscale() == "log"


def test_write_plot_makes_a_png_of_1200_by_700_pixels(tmp_path):
    path = tmp_path / "lengths.png"
    write_plot(figure_of(train=split_info({"64": 2, "32": 1}, tokens=100)), path)
    content = path.read_bytes()
    # The header of a PNG: signature, then the chunk IHDR with width and height.
    assert content[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    assert [int.from_bytes(content[i : i + 4]) for i in (16, 20)] == [1200, 700]
    assert [file.name for file in tmp_path.iterdir()] == ["lengths.png"]


def test_write_plot_says_where_it_cannot_write(tmp_path):
    figure = figure_of(train=split_info({"64": 2}, tokens=100))
    with pytest.raises(InputError, match=r"none/a\.png: cannot be written \(No such file"):
        write_plot(figure, tmp_path / "none/a.png")
