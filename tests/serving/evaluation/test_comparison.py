"""Two evaluations of the same examples."""

import json
import re

import numpy as np
import pytest

from preprocessing.errors import InputError
from serving import evaluate
from serving.evaluation.answers import Answer
from serving.evaluation.comparison import differences, discordance, load
from serving.evaluation.examples import AskedQuestion, LabelledText
from serving.evaluation.output_files import EVALUATION, output_files
from serving.evaluation.question_evaluation import QuestionEvaluation
from serving.evaluation.text_evaluation import TextEvaluation

LABELS = ("neg", "pos")


def write(folder, evaluation_class, argument, rows, **about):
    """An output folder as an evaluation leaves it, but for the report."""
    with output_files(folder, EVALUATION) as files:
        evaluation = evaluation_class(files, argument)
        for row in rows:
            evaluation.add(*row)
        files.json("metrics", evaluation.result().metrics)
        given = {"examples_sha256": "same", "source": "rows.csv"}
        files.json(
            "evaluation",
            {
                "kind": "text classifier",
                "labels": list(LABELS),
                "is_v2": False,
                "model": folder.name,
                "date": "today",
                "provenance": {},
                "examples": len(rows),
                "input": given,
                **about,
            },
        )
    return folder


def texts(folder, positive, label, **about):
    rows = [
        (LabelledText(f"t{n}", f"text <{n}>", int(right)), np.array([1 - p, p]))
        for n, (p, right) in enumerate(zip(positive, label, strict=True))
    ]
    return write(folder, TextEvaluation, LABELS, rows, **about)


def questions(folder, said):
    asked = [
        (AskedQuestion(f"q{n}", f"Who is {n}?", "Ada Mills", ("Ada Mills",), False), text)
        for n, text in enumerate(said)
    ]
    rows = [(question, Answer(text, 0, 0.5, -1.0, text, [])) for question, text in asked]
    return write(folder, QuestionEvaluation, False, rows, kind="question answering", labels=[])


@pytest.fixture
def pair(tmp_path):
    draw = np.random.default_rng(0)
    label = draw.random(400) < 0.5
    first = np.clip(0.5 + 0.2 * (label - 0.5) + draw.normal(0, 0.2, 400), 0.01, 0.99)
    second = np.clip(first + 0.25 * (label - 0.5) + draw.normal(0, 0.05, 400), 0.01, 0.99)
    return texts(tmp_path / "a", first, label), texts(tmp_path / "b", second, label)


def test_the_difference_of_a_share_and_its_interval_by_plain_numpy(pair):
    first, second = map(load, pair)
    right = np.array(
        [[e["label"] == e["predicted"] for e in one.lines()] for one in (first, second)], float
    )
    gap = right[1] - right[0]
    found = differences(first, second)["accuracy"]
    assert (found.first, found.second) == pytest.approx((right[0].mean(), right[1].mean()))
    assert found.difference == pytest.approx(gap.mean())
    # Other resamples of the same distribution, drawn one by one.
    draw = np.random.default_rng(99)
    means = [gap[draw.integers(0, 400, 400)].mean() for _ in range(4000)]
    expected = np.percentile(means, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.006)


def test_paired_intervals_are_narrower_than_the_figures_own(pair):
    found = differences(*map(load, pair))
    assert found["roc_auc"].low > 0
    assert found["roc_auc"].high - found["roc_auc"].low < 0.08
    assert found["loss"].high < 0


def test_a_model_is_as_good_as_itself(pair):
    first = load(pair[0])
    found = differences(first, first)
    assert found.pop("calibration_error").difference == 0.0
    for one in found.values():
        assert (one.difference, one.low, one.high) == (0.0, 0.0, 0.0)
    assert discordance(first, first).p_value == 1.0


def test_a_figure_that_resampling_is_biased_in_has_no_interval(pair, tmp_path, caplog):
    caplog.set_level("INFO")
    found = differences(*map(load, pair))["calibration_error"]
    assert found.second - found.first == found.difference != 0.0
    assert (found.low, found.high) == (None, None)
    evaluate.main(["compare", *map(str, pair), f"--output_dir={tmp_path / 'out'}"])
    assert re.search(r"calibration_error .*\(no interval\)", caplog.text)
    row = re.search(r"\| calibration_error .*", (tmp_path / "out/comparison.md").read_text())
    assert row[0].endswith(f"| {found.difference:+.4f} |  |  |")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda path: path.unlink(), "cannot be read .*No such file", id="missing"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:-9]), ":3: cut or damaged", id="cut"
        ),
        pytest.param(
            lambda path: path.write_text("".join(path.open().readlines()[:2])),
            ": 2 lines, expected 3, a line for each example, as evaluation.json says",
            id="too-few",
        ),
        pytest.param(
            lambda path: path.write_text(path.read_text() + path.open().readline()),
            ": 4 lines, expected 3",
            id="too-many",
        ),
        pytest.param(
            lambda path: path.write_text(path.read_text().replace("pos", "no label")),
            ":2: cut or damaged .the label 'no label'.",
            id="other-label",
        ),
        pytest.param(
            lambda path: path.write_text("[]\n" * 3), ":1: cut or damaged", id="no-object"
        ),
    ],
)
def test_examples_that_are_not_whole(tmp_path, damage, message):
    folders = [texts(tmp_path / name, [0.1, 0.9, 0.2], [0, 1, 0]) for name in ("a", "b")]
    damage(folders[1] / "examples.jsonl")
    with pytest.raises(InputError, match=rf"b/examples\.jsonl.*{message}.*Evaluate again\."):
        evaluate.main(["compare", *map(str, folders)])


def test_who_is_right_where(tmp_path):
    said = ("Ada Mills", "Ada Mills", "Ada", "Bo")
    first = load(questions(tmp_path / "a", said))
    second = load(questions(tmp_path / "b", ("Ada Mills", "Bo", "Ada Mills", "Ada")))
    found = discordance(first, second)
    assert (found.both_right, found.only_first, found.only_second) == (1, 1, 1)
    assert (found.both_wrong, found.p_value) == (1, 1.0)
    f1 = differences(first, second)["f1"]
    assert (f1.first, f1.second) == pytest.approx((100 * (2 + 2 / 3) / 4,) * 2)


def test_the_command_writes_what_changed(pair, tmp_path, caplog):
    caplog.set_level("INFO")
    evaluate.main(["compare", *map(str, pair), f"--output_dir={tmp_path / 'out'}"])
    changed = [json.loads(line) for line in (tmp_path / "out/changed.jsonl").open()]
    first, second = ([e["predicted"] for e in load(one).lines()] for one in pair)
    assert [entry["id"] for entry in changed] == [
        f"t{n}" for n in range(400) if first[n] != second[n]
    ]
    assert changed[0]["first"] != changed[0]["second"]
    comparison = json.loads((tmp_path / "out/comparison.json").read_text())
    counts = comparison["right"]
    assert counts["only_second"] - counts["only_first"] == round(
        400 * comparison["differences"]["accuracy"]["difference"]
    )
    assert "only the second" in caplog.text
    page = (tmp_path / "out/comparison.html").read_text()
    assert "text &lt;" in page
    assert "text <" not in page


@pytest.mark.parametrize(
    ("about", "message"),
    [
        pytest.param({"input": {"examples_sha256": "x", "source": "o"}}, "asked other", id="data"),
        pytest.param({"labels": ["a", "b"]}, "its labels is", id="labels"),
        pytest.param({"kind": "question answering"}, "its kind is question", id="kind"),
    ],
)
def test_other_input_is_refused(tmp_path, about, message):
    first = texts(tmp_path / "a", [0.1], [0])
    second = texts(tmp_path / "b", [0.1], [0], **about)
    with pytest.raises(InputError, match=message):
        evaluate.main(["compare", str(first), str(second)])


def test_an_evaluation_that_was_stopped(tmp_path):
    folder = texts(tmp_path / "a", [0.1], [0])
    (folder / "metrics.json").unlink()
    with pytest.raises(InputError, match=r"a: there is no metrics\.json, .*Evaluate again"):
        load(folder)


def test_a_folder_that_is_no_evaluation(tmp_path):
    with pytest.raises(InputError, match=r"evaluation.json: cannot be read"):
        evaluate.main(["compare", str(tmp_path), str(tmp_path)])
