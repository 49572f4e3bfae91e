"""Whole evaluations of real exports: figures, files, and what is not for the model."""

import json
import math
import re

import pytest

from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Columns
from serving.evaluation import batching
from serving.evaluation.exported import ExportedModel
from serving.evaluation.run import evaluate, evaluate_version
from serving.saved_model import load_in_session
from tests.serving.evaluation import official_squad

FLAGS = {"split": "test", "limit": None, "batch_size": 3}


def read(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def read_lines(folder):
    return [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]


def test_reviews_are_scored_by_their_probabilities(models, imdb_evaluation):
    folder, metrics = imdb_evaluation
    predictions = read(folder, "predictions")
    assert read(folder, "metrics") == metrics
    assert list(predictions) == [line["id"] for line in read_lines(folder)]
    alone = load_in_session(models / "sentiment" / "1")("serving_default", {"text": ["so bad"]})
    assert predictions["test/neg/3_2"] == pytest.approx(alone["probability"][0], abs=1e-6)
    right = [(p >= 0.5) == ("/pos/" in key) for key, p in predictions.items()]
    losses = [-math.log(p if "/pos/" in key else 1 - p) for key, p in predictions.items()]
    assert metrics["examples"] == len(predictions) == 8
    assert metrics["accuracy"] == sum(right) / 8
    assert metrics["loss"] == pytest.approx(sum(losses) / 8)
    assert metrics["rejected"] == 0
    wanted = {"precision", "recall", "f1", "roc_auc", "average_precision", "brier"}
    assert wanted | {"calibration_error"} <= metrics.keys()


def test_questions_are_scored_as_the_official_script_does(questions, squad_evaluation):
    folder, metrics = squad_evaluation
    document = json.loads(questions.read_text())
    predictions, odds = read(folder, "predictions"), read(folder, "null_odds")
    expected = official_squad.v2(document, predictions)
    best = official_squad.v2(document, read(folder, "span_predictions"), odds, 0.0)
    expected |= {name: value for name, value in best.items() if name.startswith("best_")}
    assert metrics == read(folder, "metrics") == expected
    assert (metrics["total"], metrics["HasAns_total"]) == (8, 6)


def test_the_n_best_table_holds_the_answers(questions, squad_evaluation):
    folder, _ = squad_evaluation
    predictions, n_best = read(folder, "predictions"), read(folder, "nbest_predictions")
    null_odds = read(folder, "null_odds")
    document = json.loads(questions.read_text())
    contexts = {
        entry["id"]: paragraph["context"]
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    }
    assert list(predictions) == list(n_best) == list(null_odds) == list(contexts)
    for key, entries in n_best.items():
        for entry in entries:
            place = slice(entry["start"], entry["end"])
            assert entry["text"] == (contexts[key][place] if entry["start"] >= 0 else "")
        spans = [entry["text"] for entry in entries if entry["start"] >= 0]
        assert predictions[key] == ("" if null_odds[key] > 0.0 else spans[0])


def test_without_an_impossible_question_it_is_v1(reader, questions, tmp_path):
    metrics = evaluate(reader, str(questions), tmp_path, Columns(), **FLAGS | {"limit": 3})
    assert list(read(tmp_path, "predictions")) == ["when-0", "who-0", "long-0"]
    assert metrics.keys() == {"exact_match", "f1", "total"}
    assert not (tmp_path / "null_odds.json").exists()


def test_without_a_folder_it_is_the_same(reader, questions, squad_evaluation):
    assert evaluate(reader, str(questions), None, Columns(), **FLAGS) == squad_evaluation[1]


def test_small_blocks_give_the_same_files(
    reader, questions, squad_evaluation, tmp_path, monkeypatch
):
    monkeypatch.setattr(batching, "BLOCK_SIZE", 100)
    evaluate(reader, str(questions), tmp_path, Columns(), **FLAGS)
    for name in ("predictions", "metrics"):
        assert read(tmp_path, name) == read(squad_evaluation[0], name)
    shas = [read(one, "evaluation")["input"]["examples_sha256"] for one in
            (tmp_path, squad_evaluation[0])]  # fmt: skip
    assert shas[0] == shas[1]


def test_slices_and_intervals_hold_the_figures(imdb_evaluation, squad_evaluation):
    for folder, metrics in (imdb_evaluation, squad_evaluation):
        details = read(folder, "details")
        for name, (low, high) in details["intervals"].items():
            assert low <= metrics[name] <= high, name
        counts = {}
        for one in details["slices"]:
            counts[one["slice"]] = counts.get(one["slice"], 0) + one["count"]
        assert set(counts.values()) == {8}
        assert sum(one["count"] for one in details["reliability"]) == 8


def test_the_most_wrong_are_errors_with_falling_probability(imdb_evaluation):
    folder, metrics = imdb_evaluation
    wrong = read(folder, "details")["most_wrong"]
    assert len(wrong) == round((1 - metrics["accuracy"]) * 8) > 0
    assert all(entry["label"] != entry["predicted"] for entry in wrong)
    probabilities = [entry["probability"] for entry in wrong]
    assert probabilities == sorted(probabilities, reverse=True)


def test_own_rows_with_the_models_labels(models, tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("what\tgrade\na lovely film\tpos\na dull film\tneg\nno grade\t\n")
    columns = Columns(text_column="what", label_column="grade")
    metrics = evaluate_version(
        models / "sentiment" / "1", str(path), columns=columns, max_rejected_fraction=0.5
    )
    assert (metrics["examples"], metrics["rejected"]) == (2, 1)


def test_labels_that_the_model_does_not_know(models, tmp_path, caplog):
    path = tmp_path / "rows.csv"
    path.write_text("text,grade\na lovely film,positive\na dull film,bad\nso bad,awful\n")
    columns = Columns(label_column="grade")
    version = models / "sentiment" / "1"
    message = (
        "Labels in its column 'grade' that the model does not know: 'bad', 'awful'; those of the "
        "model: 'neg', 'pos'."
    )
    with pytest.raises(InputError, match=rf"66\.7% of 3 cannot be asked .*{re.escape(message)}"):
        evaluate_version(version, str(path), columns=columns)
    evaluate_version(version, str(path), columns=columns, max_rejected_fraction=0.7)
    assert f"left out of the figures: 2 unknown_label. {message}" in caplog.text
    path.write_text("text,grade\na dull film,bad\n")
    with pytest.raises(
        InputError, match=rf"nothing in it to evaluate on .*{re.escape(message)[:60]}"
    ):
        evaluate_version(version, str(path), columns=columns)


@pytest.mark.parametrize(
    ("model", "source", "message"),
    [
        ("qa", "reviews", "labelled texts, but the model answers questions"),
        ("sentiment", "questions", "nothing in it to evaluate on .rejected: 1 missing_text"),
    ],
)
def test_data_for_another_model(models, request, model, source, message):
    source = str(request.getfixturevalue(source))
    with pytest.raises(InputError, match=message):
        evaluate_version(models / model / "1", source)


def test_a_folder_that_is_no_export(tmp_path, questions):
    with pytest.raises(InputError, match=r"provenance.json: no such file"):
        evaluate_version(tmp_path, str(questions))


def test_a_reader_whose_threshold_is_not_known(tmp_path, questions):
    write_provenance(tmp_path, {"run": {"task": "squad"}})
    with pytest.raises(InputError, match="null_score_diff_threshold is absent, expected a number"):
        evaluate_version(tmp_path, str(questions))


def test_a_classifier_needs_no_threshold(tmp_path):
    write_provenance(tmp_path, {"run": {"task": "imdb", "labels": ["a", "b"]}})
    model = ExportedModel(tmp_path)
    assert (model.labels, model.facts["null_score_diff_threshold"]) == (("a", "b"), None)


def write_provenance(version, content):
    (version / "assets.extra").mkdir()
    (version / "assets.extra" / "provenance.json").write_text(json.dumps(content))
