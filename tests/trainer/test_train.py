"""trainer/train.py and trainer/run_dir.py: whole runs of seconds."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from keras_hub.models import BertBackbone

from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.trainer.tiny import ARCHITECTURE, write_dataset
from trainer.config import RUN_FACTS, TrainConfig
from trainer.config_file import read_config_file
from trainer.examples import load_split
from trainer.input_pipeline import LENGTH_MULTIPLE, epoch_plan
from trainer.presets import new_backbone
from trainer.run_dir import load_run
from trainer.train import train_and_evaluate


def history(config):
    path = pathlib.Path(config.output_dir) / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def squad_run(tmp_path_factory, tiny_preset, squad_data):
    """A finished run on windows whose answers are easy to find."""
    config = TrainConfig(
        task="squad",
        data_dir=str(squad_data),
        output_dir=str(tmp_path_factory.mktemp("runs") / "squad"),
        preset=str(tiny_preset),
        epochs=3,
        global_batch_size=16,
        learning_rate=5e-3,
        precision="float32",
    )
    train_and_evaluate(config)
    return config


def test_history_has_a_line_for_each_epoch(squad_run):
    lines = history(squad_run)
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 6), (2, 12), (3, 18)]
    assert list(lines[0]) == [
        "epoch",
        "step",
        "train_loss",
        "train_start_accuracy",
        "train_end_accuracy",
        "seconds",
        "examples_per_second",
        "tokens_per_second",
        "input_wait_share",
        "padding_share",
        "learning_rate",
        "peak_memory_mib",
        "validation_loss",
        "validation_start_accuracy",
        "validation_end_accuracy",
        "validation_exact_match",
        "validation_f1",
        "evaluation_seconds",
    ]
    assert lines[2]["train_loss"] < lines[0]["train_loss"]
    assert lines[2]["validation_start_accuracy"] > 0.9
    assert lines[2]["validation_exact_match"] > 90


def test_history_counts_tokens_and_padding(squad_run):
    info = load_info(pathlib.Path(squad_run.data_dir))
    lengths = load_split(pathlib.Path(squad_run.data_dir), info, "train").lengths
    for epoch, line in enumerate(history(squad_run)):
        tokens = info.splits["train"].tokens
        plan = epoch_plan(lengths, 16, 0, epoch)
        padded = sum(
            len(rows) * -(-lengths[rows].max() // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
            for rows in plan
        )
        assert line["padding_share"] == pytest.approx(1 - tokens / padded, abs=1e-4)
        assert line["tokens_per_second"] * line["seconds"] == pytest.approx(tokens, rel=0.02)
        assert 100 < line["peak_memory_mib"] < 100_000


def test_the_run_directory_is_whole(squad_run):
    folder = pathlib.Path(squad_run.output_dir)
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints",
        "config.json",
        "curves.png",
        "history.jsonl",
        "model.weights.h5",
        "model_card.md",
        "tensorboard",
        "vocab.txt",
    ]
    config = json.loads((folder / "config.json").read_text())
    assert {name: config[name] for name in dataclasses.asdict(squad_run)} == dataclasses.asdict(
        squad_run
    )
    assert config.keys() == dataclasses.asdict(squad_run).keys() | set(RUN_FACTS)
    assert read_config_file(folder / "config.json") == dataclasses.asdict(squad_run)
    assert config["backbone"]["hidden_dim"] == 16
    assert (config["data_digest"], config["lowercase"]) == ("first", True)
    assert config["parameters"]["max_seq_length"] == 30
    assert config["labels"] == []
    assert (folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list((folder / "checkpoints").glob("step-*.safetensors"))) == 2
    assert sorted(path.name for path in (folder / "tensorboard").iterdir()) == [
        "train",
        "validation",
    ]


def test_load_run_finds_the_answer(squad_run):
    run = load_run(squad_run.output_dir)
    tokens = np.array([[2, 7, 3, 11, 12, 8, 9, 13, 14, 3]], np.int32)
    outputs = run.model(
        {
            "token_ids": tokens,
            "segment_ids": (np.arange(10)[None] > 2).astype(np.int32),
            "padding_mask": np.ones_like(tokens),
        }
    )
    assert int(tf.argmax(outputs["start_logits"][0])) == 5
    assert int(tf.argmax(outputs["end_logits"][0])) == 6
    assert run.vocabulary_path.read_text().startswith("[PAD]\n[UNK]\n[CLS]\n")


def test_a_finished_run_does_nothing(squad_run, caplog):
    caplog.set_level("INFO")
    before = (pathlib.Path(squad_run.output_dir) / "model.weights.h5").stat().st_mtime_ns
    train_and_evaluate(squad_run)
    assert "the run is finished, nothing to do" in caplog.text
    after = (pathlib.Path(squad_run.output_dir) / "model.weights.h5").stat().st_mtime_ns
    assert before == after


def test_another_config_is_refused(squad_run):
    other = dataclasses.replace(squad_run, epochs=4, learning_rate=1e-3)
    with pytest.raises(InputError, match=r"epochs was 3, is 4, learning_rate was 0.005, is 0.001"):
        train_and_evaluate(other)


def test_other_records_are_refused(squad_run, tmp_path):
    data = write_dataset(tmp_path / "data", "squad", {"train": 4}, digest="second")
    with pytest.raises(InputError, match="data_digest was 'first', is 'second'"):
        train_and_evaluate(dataclasses.replace(squad_run, data_dir=str(data)))


def test_overwrite_starts_anew_and_leaves_other_files(tiny_config, imdb_data, squad_run, tmp_path):
    old = shutil.copytree(squad_run.output_dir, tmp_path / "run")
    (old / "note.txt").write_text("not the trainer's")
    config = tiny_config(task="imdb", data_dir=str(imdb_data), output_dir=str(old))
    train_and_evaluate(config, overwrite=True)
    lines = history(config)
    assert [line["epoch"] for line in lines] == [1, 2]
    assert set(lines[0]) >= {"train_accuracy", "validation_accuracy", "validation_loss"}
    assert lines[1]["train_loss"] < lines[0]["train_loss"]
    assert (old / "note.txt").exists()


def test_a_frozen_encoder_stays_and_validation_may_be_missing(tiny_config, tiny_preset, tmp_path):
    data = write_dataset(tmp_path / "data", "imdb", {"train": 20})
    config = tiny_config(task="imdb", data_dir=str(data), epochs=1, freeze_encoder=True)
    train_and_evaluate(config)
    trained = load_run(config.output_dir).model.get_layer("token_embedding").get_weights()[0]
    given = BertBackbone.from_preset(str(tiny_preset)).token_embedding.get_weights()[0]
    np.testing.assert_array_equal(trained, given)
    assert not [name for name in history(config)[0] if name.startswith("validation")]


def test_a_trial_on_the_first_records(tiny_config, imdb_data):
    config = tiny_config(task="imdb", data_dir=str(imdb_data), epochs=1, max_train_records=40)
    train_and_evaluate(config)
    (line,) = history(config)
    assert line["step"] == 3  # 16 + 16 + 8


def test_a_loss_that_is_not_finite_names_the_step(tiny_config, imdb_data, tmp_path):
    broken = new_backbone(ARCHITECTURE, "float32")
    broken.pooled_dense.bias.assign(np.full(16, np.nan))
    broken.save_to_preset(str(tmp_path / "broken"))
    config = tiny_config(task="imdb", data_dir=str(imdb_data), preset=str(tmp_path / "broken"))
    with pytest.raises(InputError, match=r"the loss is nan at step 1 of epoch 1. There is "):
        train_and_evaluate(config)


@pytest.mark.parametrize(
    "option",
    [{"precision": "bfloat16"}, pytest.param({"jit_compile": True}, marks=pytest.mark.slow)],
)
def test_other_ways_to_compute(tiny_config, squad_data, option):
    config = tiny_config(task="squad", data_dir=str(squad_data), epochs=1, **option)
    train_and_evaluate(config)
    assert history(config)[0]["train_loss"] < 3.5  # log(30) is 3.4


def test_the_wrong_task(tiny_config, imdb_data):
    with pytest.raises(InputError, match="holds imdb records, but --task is squad"):
        train_and_evaluate(tiny_config(task="squad", data_dir=str(imdb_data)))


def test_records_that_are_too_long(tiny_config, tiny_preset, imdb_data, tmp_path):
    short = tmp_path / "short"
    new_backbone(ARCHITECTURE | {"max_sequence_length": 16}, "float32").save_to_preset(str(short))
    config = tiny_config(task="imdb", data_dir=str(imdb_data), preset=str(short))
    with pytest.raises(InputError, match=r"has a record of 30 tokens, but the preset takes at"):
        train_and_evaluate(config)


def test_load_run_of_an_unfinished_run(squad_run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    config = (pathlib.Path(squad_run.output_dir) / "config.json").read_text()
    (folder / "config.json").write_text(config)
    with pytest.raises(InputError, match=r"not finished: there is no model.weights.h5"):
        load_run(folder)


def test_load_run_of_weights_that_are_cut_short(squad_run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "model.weights.h5"):
        content = (pathlib.Path(squad_run.output_dir) / name).read_bytes()
        (folder / name).write_bytes(content if name == "config.json" else content[:1000])
    with pytest.raises(InputError, match=r"do not belong together"):
        load_run(folder)
