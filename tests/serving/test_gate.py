"""Conditions on figures: what is read, what passes, and what is shown."""

import pytest

from preprocessing.errors import InputError
from serving.evaluation.metric_names import share_names
from serving.gate import Condition, check_metrics, check_offsets, judge, parse, table

METRICS = {"f1": 80.25, "exact_match": 71.0, "total": 100, "note": "text"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f1>=80", Condition("f1>=80", "f1", ">=", False, 80.0)),
        ("f1 > 79.5", Condition("f1 > 79.5", "f1", ">", False, 79.5)),
        ("loss<=-0.5", Condition("loss<=-0.5", "loss", "<=", False, -0.5)),
        ("f1>=baseline", Condition("f1>=baseline", "f1", ">=", True, 0.0)),
        ("f1>=baseline-0.5", Condition("f1>=baseline-0.5", "f1", ">=", True, -0.5)),
        ("f1 < baseline + 2", Condition("f1 < baseline + 2", "f1", "<", True, 2.0)),
    ],
)
def test_conditions_are_read(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "f1", "f1=80", "f1=>80", ">=80", "f1>=", "f1>=best", "f1>=80%", "f1>=baseline*2"]
)
def test_other_texts_are_refused_with_the_grammar(text):
    with pytest.raises(InputError, match=r"--require .*: expected METRIC>=VALUE, where VALUE is"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "needed", "passed"),
    [
        ("f1>=80", 80.0, True),
        ("f1>=80.25", 80.25, True),
        ("f1>80.25", 80.25, False),
        ("f1<81", 81.0, True),
        ("f1>=baseline", 81.0, False),
        ("f1>=baseline-0.75", 80.25, True),
        ("f1>=baseline-0.5", 80.5, False),
        ("exact_match<=baseline+1", 71.0, True),
    ],
)
def test_figures_are_judged(text, needed, passed):
    (verdict,) = judge([parse(text)], METRICS, {"f1": 81.0, "exact_match": 70.0})
    assert (verdict.needed, verdict.passed) == (needed, passed)


def test_without_a_baseline_a_relative_condition_holds():
    first, second = judge([parse("f1>=baseline"), parse("f1>=90")], METRICS, None)
    assert (first.needed, first.baseline, first.passed) == (None, None, True)
    assert (second.needed, second.passed) == (90.0, False)


@pytest.mark.parametrize("name", ["accuracy", "note"])
def test_an_unknown_metric_is_named_with_those_there_are(name):
    with pytest.raises(
        InputError, match=f"no metric {name}, expected one of exact_match, f1, total"
    ):
        judge([parse(f"{name}>=1")], METRICS, None)


def test_an_unknown_metric_is_named_before_there_are_figures():
    check_metrics([parse("f1>=80"), parse("exact>=baseline")], {"f1", "exact"})
    with pytest.raises(InputError, match=r"--require 'f2>=80': no metric f2, expected one of exac"):
        check_metrics([parse("f1>=80"), parse("f2>=80")], {"f1", "exact"})


@pytest.mark.parametrize(
    ("text", "meant"),
    [("f1>=baseline-0.5", "0.005"), ("accuracy>baseline + 1", "0.01"), ("f1>=baseline-2", "0.02")],
)
def test_an_offset_in_percent_of_a_share_is_refused(text, meant):
    with pytest.raises(InputError, match=rf"is a share from 0 to 1, .* Did you mean {meant}\?"):
        check_offsets([parse(text)], share_names("imdb", 2))
    check_offsets([parse(text)], share_names("squad", 0))


@pytest.mark.parametrize("text", ["f1>=baseline-0.005", "loss<=baseline+0.5", "accuracy>=0.9"])
def test_offsets_that_can_be_meant(text):
    check_offsets([parse(text)], share_names("imdb", 2))


def test_the_table_has_a_row_for_each_condition():
    verdicts = judge(
        [parse("f1>=baseline-0.5"), parse("total>=99")], METRICS, {"f1": 81, "total": 9}
    )
    assert table(verdicts).splitlines() == [
        "condition         value  needed  baseline",
        "f1>=baseline-0.5  80.25  80.5    81        FAILED",
        "total>=99         100    99      9         passed",
    ]
