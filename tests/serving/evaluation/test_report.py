"""report.md and report.html: self-contained, and data in them stays data."""

import dataclasses
import html.parser
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from serving.evaluation.answers import Answer
from serving.evaluation.calibration import reliability
from serving.evaluation.examples import AskedQuestion, LabelledText
from serving.evaluation.output_files import EVALUATION, output_files
from serving.evaluation.pictures import reliability_figure
from serving.evaluation.question_evaluation import QuestionEvaluation
from serving.evaluation.report import write_report
from serving.evaluation.text_evaluation import TextEvaluation
from trainer.markdown import escaped

EVIL = "<script>alert(1)</script> | a ![x](http://evil/x.png) [y](javascript:z) `c` *b* $x$\n# h"
ABOUT = {
    "model": f"models/{EVIL}",
    "input": {"source": EVIL, "limit": None, "examples_sha256": "ab", "split": "test"},
    "examples": 2,
    "rejected": {"unknown_label": 3},
    "seconds": 2.0,
    "examples_per_second": 1.0,
    "date": "2026-01-01",
    "provenance": {
        "model": EVIL,
        "version": 3,
        "dtype": "bfloat16",
        "run_dir": EVIL,
        "parameters": {"max_seq_length": 3},
    },
    "versions": {"python": "3.11"},
}


class Page(html.parser.HTMLParser):
    """The tags, their attributes and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(params=["texts", "questions"])
def written(request, tmp_path):
    with output_files(tmp_path, EVALUATION) as files:
        if request.param == "texts":
            evaluation = TextEvaluation(files, (EVIL, "good"))
            about = {**ABOUT, "kind": "text classifier", "labels": [EVIL, "good"], "is_v2": False}
            for key, label in (("a", 0), ("b", 1)):
                evaluation.add(LabelledText(key + EVIL, EVIL, label), np.array([0.3, 0.7]))
        else:
            evaluation = QuestionEvaluation(files, True)
            about = {**ABOUT, "kind": "question answering", "labels": [], "is_v2": True}
            for key, answers in (("a", (EVIL,)), ("b", ())):
                asked = AskedQuestion(key + EVIL, EVIL, EVIL, answers, not answers)
                said = Answer("alert", 8, 0.9, -1.0, "alert", [])
                none = Answer("", -1, 0.9, 1.0, "alert", [])
                evaluation.add(asked, said if answers else none)
        result = evaluation.result()
        write_report(files, result, about)
        files.json("metrics", result.metrics)
    return tmp_path


def test_what_comes_from_data_is_shown_and_nothing_else(written):
    page = Page((written / "report.html").read_text())
    assert page.tags <= {
        *("html", "meta", "title", "style", "body", "h1", "h2", "p", "img"),
        *("table", "thead", "tbody", "tr", "th", "td", "strong", "a"),
    }
    assert "<script>alert(1)</script> | a ![x](http://evil/x.png)" in "".join(page.words)
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_the_page_needs_nothing_else(written):
    page = Page((written / "report.html").read_text())
    pictures = [value for name, value in page.attributes if name == "src"]
    assert len(pictures) == 2
    assert all(value.startswith("data:image/png;base64,") for value in pictures)
    links = [value for name, value in page.attributes if name == "href"]
    anchors = [value for name, value in page.attributes if name == "id"]
    assert links == [f"#{anchor}" for anchor in anchors]
    assert links[:2] == ["#figures", "#slices"]


def test_the_markdown_names_pictures_that_are_there(written):
    names = re.findall(r"(?m)^!\[[^]]*\]\((.*)\)$", (written / "report.md").read_text())
    assert names == ["slices.png", "reliability.png"]
    for name in names:
        assert (written / name).read_bytes().startswith(b"\x89PNG")


def test_every_row_of_a_table_has_its_cells(written):
    text = (written / "report.md").read_text()
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1, block


def test_the_top_names_the_task_the_model_and_the_figures(written):
    lines = (written / "report.md").read_text().split("\n")
    is_reader = lines[0].startswith("# Question answering")
    kind = "Question answering" if is_reader else "Text classifier"
    assert lines[0] == f"# {kind}: {escaped(EVIL)}, version 3"
    table = [line.split("|")[1:-1] for line in lines[2:8] if line.startswith("|")]
    names = [row[0].strip() for row in table[2:]]
    first = ["F1", "exact match", "F1, with an answer", "F1, without one"]
    assert names == (first if is_reader else ["accuracy", "F1", "ROC AUC", "calibration error"])
    row = next(row for row in table if row[0].strip() == names[0])
    expected = (
        [" **50.00** ", " 0.00 to 100.00 "] if is_reader else [" **0.500** ", " 0.000 to 1.000 "]
    )
    assert row[1:] == expected
    assert "in bfloat16" in (written / "report.md").read_text()


def test_short_cells_keep_their_line_and_long_ones_have_room(written):
    cells = re.findall(r'<td(?: style="[^"]*")? data-head="([^"]*)"( class="[^"]*")?>([^<]*)<',
                       (written / "report.html").read_text())  # fmt: skip
    classes = {(head, text): css for head, css, text in cells}
    assert {css for (head, _), css in classes.items() if head == "probability"} == {""}
    asked = [css for (head, text), css in classes.items() if head in ("text", "question")]
    assert asked
    assert set(asked) == {' class="long"'}


def test_the_slices_table_has_headers_and_its_names_on_the_left(written):
    lines = (written / "report.md").read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("| sliced by | slice | "))
    assert lines[at + 1].startswith("| --- | --- | ---: |")


def test_the_legend_of_the_diagram_covers_no_bar():
    bins = reliability(np.array([0.05, 0.9]), np.array([True, True]))
    figure = reliability_figure([dataclasses.asdict(one) for one in bins], "exact match")
    assert [axes.get_legend() for axes in figure.axes] == [None, None]
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    assert legend.get_window_extent().y0 >= figure.axes[0].get_window_extent().y1


def test_what_is_left_out_is_said(written):
    assert "Left out: 3 unknown_label" in (written / "report.md").read_text()
