"""report.md and report.html: self-contained, and data in them stays data."""

import html.parser
import re

import numpy as np
import pytest

from serving.evaluation.answers import Answer
from serving.evaluation.examples import AskedQuestion, LabelledText
from serving.evaluation.output_files import EVALUATION, output_files
from serving.evaluation.question_evaluation import QuestionEvaluation
from serving.evaluation.report import write_report
from serving.evaluation.text_evaluation import TextEvaluation

EVIL = "<script>alert(1)</script> | a ![x](http://evil/x.png) [y](javascript:z) `c` *b* $x$\n# h"
ABOUT = {
    "model": f"models/{EVIL}",
    "input": {"source": EVIL, "limit": None, "examples_sha256": "ab", "split": "test"},
    "examples": 2,
    "rejected": {"unknown_label": 3},
    "seconds": 2.0,
    "examples_per_second": 1.0,
    "date": "2026-01-01",
    "provenance": {"run_dir": EVIL, "parameters": {"max_seq_length": 3}},
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
                evaluation.add(asked, Answer("alert", 8, 0.9, -1.0, "alert", []))
        result = evaluation.result()
        write_report(files, result, about)
        files.json("metrics", result.metrics)
    return tmp_path


def test_what_comes_from_data_is_shown_and_nothing_else(written):
    page = Page((written / "report.html").read_text())
    assert page.tags <= {
        *("html", "meta", "title", "style", "body", "h1", "h2", "p", "img"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert "<script>alert(1)</script> | a ![x](http://evil/x.png)" in "".join(page.words)
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_the_page_needs_nothing_else(written):
    page = Page((written / "report.html").read_text())
    links = [value for name, value in page.attributes if name in ("src", "href")]
    assert len(links) == 2
    assert all(value.startswith("data:image/png;base64,") for value in links)


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


def test_what_is_left_out_is_said(written):
    assert "Left out: 3 unknown_label" in (written / "report.md").read_text()
