"""Scores and files of an evaluation through a real export."""

import json
import math

import pytest

from preprocessing.errors import InputError
from serving import evaluate
from serving.saved_model import load_in_session


def read(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def test_sentiment_metrics_by_hand():
    labels = {"a": 1, "b": 0, "c": 1, "d": 0}
    probabilities = {"a": 0.8, "b": 0.4, "c": 0.5, "d": 0.9}
    metrics = evaluate.sentiment_metrics(labels, probabilities)
    loss = -(math.log(0.8) + math.log(0.6) + math.log(0.5) + math.log(0.1)) / 4
    assert metrics == {"examples": 4, "accuracy": 0.75, "loss": pytest.approx(loss)}


def test_sentiment_evaluation_writes_every_probability(models, reviews, tmp_path):
    version = models / "sentiment" / "1"
    metrics = evaluate.evaluate_sentiment(version, str(reviews), "test", tmp_path, batch_size=3)
    predictions = read(tmp_path, "predictions")
    assert list(predictions) == sorted(predictions)
    assert read(tmp_path, "metrics") == metrics
    assert metrics["examples"] == len(predictions) == 8
    alone = load_in_session(version)("serving_default", {"text": ["a lovely film"]})
    assert predictions["test/pos/0_9"] == pytest.approx(alone["probability"][0], abs=1e-6)


def test_answers_evaluation_of_v2(models, questions, tmp_path):
    metrics = evaluate.evaluate_answers(models / "qa" / "1", str(questions), tmp_path)
    predictions, n_best = read(tmp_path, "predictions"), read(tmp_path, "nbest_predictions")
    null_odds = read(tmp_path, "null_odds")
    assert list(predictions) == list(n_best) == list(null_odds)
    assert metrics["total"] == 8
    assert metrics["HasAns_total"] == 6
    for key, entries in n_best.items():
        context = _contexts(questions)[key]
        for entry in entries:
            place = slice(entry["start"], entry["end"])
            assert entry["text"] == (context[place] if entry["start"] >= 0 else "")
        spans = [entry["text"] for entry in entries if entry["start"] >= 0]
        assert predictions[key] == ("" if null_odds[key] > 0.0 else spans[0])


def _contexts(path):
    return {
        entry["id"]: paragraph["context"]
        for article in json.loads(path.read_text())["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    }


def test_limit_takes_the_first_questions(models, questions, tmp_path):
    metrics = evaluate.evaluate_answers(models / "qa" / "1", str(questions), tmp_path, limit=3)
    assert list(read(tmp_path, "predictions")) == ["when-0", "who-0", "long-0"]
    # Without a question that has no answer, it is scored as SQuAD v1.1.
    assert metrics.keys() == {"exact_match", "f1", "total"}


def test_batches_hold_like_lengths_and_everything_once():
    lengths = [5, 1, 4, 2, 3, 9, 8]
    found = list(evaluate.batches(lengths, 2, "test"))
    assert sorted(i for batch in found for i in batch) == list(range(7))
    assert sorted([lengths[i] for i in batch] for batch in found) == [[1, 2], [3, 4], [5, 8], [9]]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--limit=0"], "--limit is 0", id="limit"),
        pytest.param(["--batch_size=0"], "--batch_size is 0", id="batch-size"),
        pytest.param(["--model_dir=nowhere"], "nowhere: no version of a model", id="no-version"),
        pytest.param(["--input=nowhere.json"], "nowhere.json: cannot read it", id="no-input"),
    ],
)
def test_bad_flags(models, questions, tmp_path, flags, message):
    base = [f"--model_dir={models / 'qa'}", f"--input={questions}", f"--output_dir={tmp_path}"]
    with pytest.raises(InputError, match=message):
        evaluate.main([*base, *flags])
