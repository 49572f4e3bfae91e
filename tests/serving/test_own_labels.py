"""Texts of three labels, from a CSV file to the answers of the export."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.errors import InputError
from serving import evaluate, provenance
from serving.client import Client
from serving.export import main as export_command
from serving.frozen import served_module
from serving.saved_model import load_in_session
from tests.serving.server_process import running_server, write_config
from tests.serving.trained import train
from trainer.run_dir import load_run

TEXTS = {
    "sport": ["the team won the match", "a late goal", "he ran, jumped and won", "team and goal"],
    "weather": ["rain and wind", "cold wind in the north", "a warm day", "rain, rain, rain"],
    "music": ["she sang a song", "a loud band", "the band played on", "song after song"],
}
LABELS = sorted(TEXTS)


@pytest.fixture(scope="module")
def run(tmp_path_factory, vocabulary_path):
    folder = tmp_path_factory.mktemp("own_labels")
    with (folder / "texts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows([text, label] for label, texts in TEXTS.items() for text in texts)
    return train("imdb", str(folder / "texts.csv"), folder, vocabulary_path)


@pytest.fixture(scope="module")
def version(run, tmp_path_factory):
    """Exported, and so checked in a process of its own."""
    folder = tmp_path_factory.mktemp("models")
    with (folder / "dev.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["kind", "said"])
        rows.writerows([label, texts[0]] for label, texts in TEXTS.items())
        rows.writerow(["cooking", "salt and pepper"])  # a label that the model does not have
    export_command(
        [
            *(f"--run_dir={run}", f"--model_dir={folder / 'sentiment'}", "--require=accuracy>=0"),
            *(f"--evaluation_input={folder / 'dev.csv'}", "--text_column=said"),
            *("--label_column=kind", "--require=macro_f1>=baseline"),
            "--max_rejected_fraction=0.25",
        ]
    )
    return folder / "sentiment" / "1"


def test_the_gate_takes_rows_with_the_models_labels(version):
    found = provenance.read(version)
    columns = {"text_column": "said", "label_column": "kind"}
    assert found["evaluation_input"]["columns"] == columns
    assert found["agreement"]["examples"] == found["evaluation"]["examples"] == 3
    assert found["agreement"]["same_answers"] == 1
    assert found["evaluation"]["rejected"] == 1
    assert [one["passed"] for one in found["gate"]["conditions"]] == [True, True]


def test_the_run_knows_the_labels(run):
    config = json.loads((run / "config.json").read_text())
    assert config["labels"] == LABELS


def test_signatures_are_the_contract(version):
    model = tf.saved_model.load(str(version))
    outputs = {
        name: {alias: (spec.dtype, spec.shape.as_list()) for alias, spec in outputs.items()}
        for name, outputs in (
            (name, model.signatures[name].structured_outputs)
            for name in ("serving_default", "classify")
        )
    }
    assert outputs == {
        "serving_default": {
            "label": (tf.string, [None]),
            "probabilities": (tf.float32, [None, 3]),
        },
        "classify": {"classes": (tf.string, [None, 3]), "scores": (tf.float32, [None, 3])},
    }


def test_the_export_answers_as_the_trainer_does(run, version):
    texts = ["the band played a song", "rain", ""]
    found = load_in_session(version)("serving_default", {"text": texts})
    module = served_module(load_run(run), None, through_keras=True)
    expected = module.serving_default(tf.constant(texts))
    assert found["probabilities"].shape == (3, 3)
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-5)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1.0, rtol=1e-6)
    best = found["probabilities"].argmax(axis=1)
    assert [label.decode() for label in found["label"]] == [LABELS[index] for index in best]


def test_classify_names_the_classes(version):
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a late goal"]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": text}))
    answer = load_in_session(version)
    found = answer("classify", {"inputs": [example.SerializeToString()]})
    assert found["classes"].tolist() == [[label.encode() for label in LABELS]]
    expected = answer("serving_default", {"text": ["a late goal"]})["probabilities"]
    np.testing.assert_allclose(found["scores"], expected, atol=1e-6)


def test_the_evaluation_scores_all_labels(run, version, tmp_path):
    source = str(run.parent / "texts.csv")
    metrics = evaluate.evaluate_version(version, source, tmp_path)
    predictions = json.loads((tmp_path / "predictions.json").read_text())
    names = [label for label, texts in TEXTS.items() for _ in texts]
    right = [one["label"] == name for one, name in zip(predictions.values(), names, strict=True)]
    assert (metrics["examples"], metrics["rejected"]) == (12, 0)
    assert metrics["accuracy"] == metrics["micro_f1"] == sum(right) / 12
    assert {"macro_f1", "loss", "brier", "calibration_error"} <= metrics.keys()
    details = json.loads((tmp_path / "details.json").read_text())
    assert [one["label"] for one in details["classes"]] == LABELS
    matrix = np.array(details["confusion_matrix"])
    assert (matrix.sum(), matrix.trace()) == (12, sum(right))


def test_the_evaluation_refuses_reviews_of_two_labels(version, reviews):
    with pytest.raises(InputError, match="the model's are music, sport, weather"):
        evaluate.evaluate_version(version, str(reviews))


@pytest.mark.slow
def test_clients_read_label_and_probabilities(version, tmp_path):
    config = write_config(tmp_path / "models.config", {"sentiment": (version.parent, "")})
    with running_server(tmp_path / "server.log", config) as server:
        server.wait_until_ready()
        for endpoint in (f"grpc://localhost:{server.port}", f"http://localhost:{server.rest_port}"):
            with Client(endpoint) as client:
                outputs = client.predict("sentiment", {"text": ["rain", "a song"]})
                assert len(outputs["label"]) == 2
                assert set(outputs["label"]) <= set(LABELS)
                assert [len(row) for row in outputs["probabilities"]] == [3, 3]
                typed = client.classify(["rain", "a song"])
                assert [one.label for one in typed] == outputs["label"]
                assert [list(one.probabilities) for one in typed] == outputs["probabilities"]
                assert typed[0].probability == max(typed[0].probabilities)
