"""The figures against a plain implementation of the official scripts, equal to the last digit."""

import json
import os
import pathlib
import random

import pytest

from serving.evaluation.answers import Answer
from serving.evaluation.examples import read_questions
from serving.evaluation.output_files import OutputFiles
from serving.evaluation.question_evaluation import QuestionEvaluation
from serving.evaluation.selection import select
from tests.serving.evaluation import official_squad
from trainer.squad_metrics import evaluate_v1, evaluate_v2

DATA = pathlib.Path(os.environ.get("BERTLINE_DATA", "nowhere"))
# Annotated answers, and what a model may say to them.
HARD = {
    "articles": (["The Beatles", "Beatles"], "a Beatles"),
    "only-articles": (["the", "an"], "a"),
    "articles-and-an-answer": (["The", "Who"], ""),
    "articles-inside-words": (["theatre"], "the atre"),
    "punctuation": (["U.S.A.", "U. S. A."], "USA"),
    "only-punctuation": (["..."], "!?"),
    "hyphen-before-article": (["state-of-the-art"], "state of the art"),
    "possessive": (["Plato's"], "Platos"),
    "unicode-dash": (["1894–1901"], "1894-1901"),
    "unicode-quotes": (["“Café”"], "Café"),
    "turkish": (["İstanbul"], "istanbul"),
    "sharp-s": (["Straße"], "STRASSE"),
    "wide-space": (["New　York"], "new york"),
    "no-break-space": (["90\u00a0m"], "90 m"),
    "zero-width": (["90\u200bm"], "90m"),
    "decomposed": (["Café"], "Café"),
    "chinese": (["中国"], "中国。"),
    "emoji": (["🎬 film"], "film"),
    "repeated": (["b"], "b b b"),
    "order": (["Ada Mills and Bo"], "Bo and Ada Mills"),
    "several": (["in 1894", "1894", "the year 1894"], "the year of 1894"),
    "nothing-said": (["cat"], ""),
    "spaces-said": (["cat"], "  "),
    "unanswerable-silent": ([], ""),
    "unanswerable-said": ([], "dog"),
    "unanswerable-article": ([], "the"),
}


def hard_document(answerable_only):
    qas = [
        {
            "id": name,
            "question": "?",
            "answers": [{"text": text, "answer_start": 0} for text in golds],
            "is_impossible": not golds,
        }
        for name, (golds, _) in HARD.items()
        if golds or not answerable_only
    ]
    paragraphs = [{"context": "c", "qas": qas[:9]}, {"context": "d", "qas": qas[9:]}]
    return {"version": "x", "data": [{"title": "", "paragraphs": paragraphs}]}


def predictions_of(document):
    return {entry["id"]: HARD[entry["id"]][1] for entry in official_squad.entries(document)}


def streamed(source, folder, spans, odds, threshold):
    """The metrics of the evaluation with answers as given, instead of a model's."""
    selection = select(lambda: read_questions(str(source)), str(source), None)
    evaluation = QuestionEvaluation(OutputFiles(folder), selection.is_v2)
    for example in selection:
        span = spans[example.id]
        said = "" if odds[example.id] > threshold else span
        start = 0 if said else -1
        evaluation.add(example, Answer(said, start, 0.5, odds[example.id], span, []))
    return evaluation.result().metrics


def test_v1_on_hard_answers():
    document = hard_document(answerable_only=True)
    predictions = predictions_of(document)
    assert evaluate_v1(document, predictions) == official_squad.v1(document, predictions)
    del predictions["repeated"], predictions["turkish"]
    assert evaluate_v1(document, predictions) == official_squad.v1(document, predictions)


@pytest.mark.parametrize("threshold", [-1.5, 0.0, 0.5, 3.0])
def test_v2_on_hard_answers_with_equal_odds_among_them(threshold):
    document = hard_document(answerable_only=False)
    predictions = predictions_of(document)
    draw = random.Random(3)
    odds = {key: draw.choice([-2.0, -1.0, 0.0, 0.5, 1.0]) for key in predictions}
    expected = official_squad.v2(document, predictions, odds, threshold)
    assert evaluate_v2(document, predictions, odds, threshold) == expected


def test_each_hard_answer_alone():
    for name in HARD:
        document = hard_document(answerable_only=False)
        for paragraph in document["data"][0]["paragraphs"]:
            paragraph["qas"] = [entry for entry in paragraph["qas"] if entry["id"] == name]
        predictions, odds = {name: HARD[name][1]}, {name: 0.0}
        expected = official_squad.v2(document, predictions, odds, 0.0)
        assert evaluate_v2(document, predictions, odds, 0.0) == expected, name


def test_streamed_v2_scores_what_is_served_and_the_spans_before_the_threshold(tmp_path):
    document = hard_document(answerable_only=False)
    (tmp_path / "hard.json").write_text(json.dumps(document))
    spans = predictions_of(document)
    odds = {key: float(number % 5 - 2) for number, key in enumerate(spans)}
    found = streamed(tmp_path / "hard.json", tmp_path, spans, odds, 0.0)
    served = {key: "" if odds[key] > 0.0 else span for key, span in spans.items()}
    best = official_squad.v2(document, spans, odds, 0.0)
    expected = official_squad.v2(document, served)
    expected |= {name: value for name, value in best.items() if name.startswith("best_")}
    assert found == expected
    files = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in
             ("predictions", "span_predictions", "null_odds")}  # fmt: skip
    assert files == {"predictions": served, "span_predictions": spans, "null_odds": odds}


def test_streamed_v1(tmp_path):
    document = hard_document(answerable_only=True)
    (tmp_path / "hard.json").write_text(json.dumps(document))
    spans = predictions_of(document)
    found = streamed(tmp_path / "hard.json", tmp_path, spans, dict.fromkeys(spans, 0.0), 0.0)
    assert found == {**official_squad.v1(document, spans), "total": len(spans)}
    assert not (tmp_path / "null_odds.json").exists()


def plausible(document, seed):
    """For each question the annotated answer, part of the context around it, or another part."""
    draw = random.Random(seed)
    predictions, odds = {}, {}
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            tokens = paragraph["context"].split()
            for entry in paragraph["qas"]:
                at = draw.randrange(len(tokens))
                said = " ".join(tokens[at : at + draw.randint(0, 6)])
                if entry["answers"] and draw.random() < 0.6:
                    answer = draw.choice(entry["answers"])
                    begin = max(0, answer["answer_start"] - draw.choice([0, 0, 4, 9]))
                    end = answer["answer_start"] + len(answer["text"]) + draw.choice([0, 0, 5])
                    said = paragraph["context"][begin:end]
                predictions[entry["id"]] = said
                odds[entry["id"]] = draw.gauss(0.0 if entry["answers"] else 1.0, 2.0)
    return predictions, odds


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name", ["squad-v1.1-dev-part.json", "covid-qa-part.json", "squad-v2.0-dev-part.json"]
)
def test_real_questions(name, tmp_path):
    document = json.loads((DATA / name).read_text())
    predictions, odds = plausible(document, seed=5)
    found = streamed(DATA / name, tmp_path, predictions, odds, 0.25)
    if "v2" in name:
        served = {key: "" if odds[key] > 0.25 else said for key, said in predictions.items()}
        best = official_squad.v2(document, predictions, odds, 0.25)
        expected = official_squad.v2(document, served)
        expected |= {name: value for name, value in best.items() if name.startswith("best_")}
        assert best["exact"] == expected["exact"]
        assert evaluate_v2(document, predictions, odds, 0.25) == best
    else:
        served = {key: "" if odds[key] > 0.25 else said for key, said in predictions.items()}
        expected = {**official_squad.v1(document, served), "total": len(served)}
        assert evaluate_v1(document, served) == official_squad.v1(document, served)
    assert found == expected
