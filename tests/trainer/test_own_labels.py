"""Runs on texts of three labels, and runs that stop early: whole runs of seconds."""

import json
import logging
import pathlib
import shutil

import numpy as np
import pytest
from keras_hub.models import BertBackbone

from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.trainer.tiny import CLS, SEP, imdb_record, write_dataset
from trainer.examples import load_split
from trainer.run_dir import load_run
from trainer.train import train_and_evaluate

LABELS = ["ham", "news", "spam"]


def three_label_record(generator, split, number):
    """A text whose words are mostly the label's own; "spam" is rare."""
    label = (0, 0, 1, 1, 0, 1, 2, 1, 0, 1)[number % 10]
    words = [8 + label] * generator.randint(6, 9) + generator.choices(range(20, 60), k=3)
    return {"token_ids": [CLS, *words, SEP], "label": label, "id": f"{split}/{number}"}


def guesswork_record(generator, split, number):
    """A text that has nothing to do with its label."""
    return imdb_record(generator, split, number) | {"label": generator.randrange(2)}


@pytest.fixture(scope="module")
def strong_preset(tmp_path_factory, tiny_preset):
    """`tiny_preset` with weights of a size that a few steps can learn from."""
    folder = shutil.copytree(tiny_preset, tmp_path_factory.mktemp("preset") / "strong")
    backbone = BertBackbone.from_preset(str(folder))
    for variable in backbone.trainable_variables:
        if variable.name in ("kernel", "embeddings"):
            variable.assign(variable * 15.0)
    backbone.save_to_preset(str(folder))
    return folder


@pytest.fixture(scope="module")
def three_labels(tmp_path_factory):
    return write_dataset(
        tmp_path_factory.mktemp("three_labels"),
        "imdb",
        {"train": 90, "validation": 30},
        make_record=three_label_record,
        labels=LABELS,
    )


def history(config):
    path = pathlib.Path(config.output_dir) / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_three_labels_with_every_option(tiny_config, strong_preset, three_labels, caplog):
    caplog.set_level(logging.INFO)
    options = {"label_smoothing": 0.1, "class_weights": "balanced", "dropout": 0.0}
    options |= {"preset": str(strong_preset), "epochs": 6, "layer_decay": 0.9}
    config = tiny_config(task="imdb", data_dir=str(three_labels), **options)
    train_and_evaluate(config)
    # 36, 45 and 9 of 90: 90 / (3 * 36) and so on
    assert "class weights: ham 0.833, news 0.667, spam 3.33" in caplog.text
    line = history(config)[-1]
    assert line["validation_accuracy"] > 0.9
    assert line["validation_macro_f1"] > 0.9
    run = load_run(config.output_dir)
    assert run.config["labels"] == LABELS
    tokens = np.array([[CLS, *[8 + label] * 7, 30, 40, 50, SEP] for label in range(3)], np.int32)
    assert np.argmax(run.model(inputs(tokens))["logits"], axis=1).tolist() == [0, 1, 2]


def test_a_run_stops_early_with_the_best_weights(tiny_config, strong_preset, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    sizes = {"train": 40, "validation": 24}
    data = write_dataset(tmp_path / "data", "imdb", sizes, make_record=guesswork_record)
    options = {"early_stopping_patience": 2, "best_metric": "validation_loss", "dropout": 0.0}
    config = tiny_config(
        task="imdb", data_dir=str(data), preset=str(strong_preset), epochs=40, **options
    )
    train_and_evaluate(config)
    losses = [line["validation_loss"] for line in history(config)]
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 2 < 40
    assert f"stopped early after epoch {best + 2}: no better validation_loss" in caplog.text
    assert f"the weights are those of epoch {best}: validation_loss" in caplog.text
    assert loss_of(load_run(config.output_dir).model, data) == pytest.approx(min(losses), rel=1e-4)
    assert losses[-1] > min(losses) * 1.001
    # Killed before the weights were written, it stops at the same epoch with the same weights.
    (pathlib.Path(config.output_dir) / "model.weights.h5").unlink()
    train_and_evaluate(config)
    assert [line["validation_loss"] for line in history(config)] == losses
    assert loss_of(load_run(config.output_dir).model, data) == pytest.approx(min(losses), rel=1e-4)


def loss_of(model, data):
    """The mean binary cross-entropy over the validation split, row by row, in NumPy."""
    examples, losses = load_split(data, load_info(data), "validation"), []
    for row, label in enumerate(examples.labels["label"]):
        tokens = examples.token_ids[examples.offsets[row] : examples.offsets[row + 1]][None]
        logit = float(model(inputs(tokens))["logit"][0])
        losses.append(np.logaddexp(0, logit if label == 0 else -logit))
    return np.mean(losses)


def inputs(tokens):
    return {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": np.ones_like(tokens),
    }


def test_lower_layers_stay_as_they_are(tiny_config, tiny_preset, imdb_data):
    config = tiny_config(task="imdb", data_dir=str(imdb_data), epochs=1, trainable_layers=1)
    train_and_evaluate(config)
    trained, given = load_run(config.output_dir).model, BertBackbone.from_preset(str(tiny_preset))
    changed = {
        name: bool(np.any(trained.get_layer(name).get_weights()[0] != layer.get_weights()[0]))
        for name, layer in (
            ("token_embedding", given.token_embedding),
            ("transformer_layer_0", given.transformer_layers[0]),
        )
    }
    assert changed == {"token_embedding": False, "transformer_layer_0": True}


def test_early_stopping_needs_validation_data(tiny_config, tmp_path):
    data = write_dataset(tmp_path / "data", "imdb", {"train": 4})
    config = tiny_config(task="imdb", data_dir=str(data), early_stopping_patience=2)
    with pytest.raises(InputError, match="--early_stopping_patience needs a validation split"):
        train_and_evaluate(config)
    assert not pathlib.Path(config.output_dir).exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["only"], "all texts have the label 'only', expected at least two"),
        (LABELS[:2], "split 'train' has a record with label 2, expected 0 to 1, the places in ham"),
    ],
    ids=["one-label", "label-without-a-name"],
)
def test_labels_that_cannot_be_right(tiny_config, tmp_path, labels, message):
    data = write_dataset(
        tmp_path / "data", "imdb", {"train": 30}, make_record=three_label_record, labels=labels
    )
    with pytest.raises(InputError, match=message):
        train_and_evaluate(tiny_config(task="imdb", data_dir=str(data)))
