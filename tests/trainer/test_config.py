"""trainer/config.py."""

import dataclasses
import json
from typing import Any

import pytest

from preprocessing.errors import InputError
from trainer.config import TrainConfig, changed_fields, fingerprint, read_config

BASE: dict[str, Any] = {"task": "imdb", "data_dir": "data", "output_dir": "run"}


def test_defaults():
    config = TrainConfig(**BASE)
    assert (config.preset, config.epochs, config.global_batch_size) == ("minilm", 3, 32)
    assert (config.learning_rate, config.warmup_fraction) == (5e-5, 0.1)
    assert (config.weight_decay, config.dropout, config.seed) == (0.01, 0.1, 0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("task", "mnli", "--task is 'mnli', expected one of imdb, squad."),
        ("epochs", 0, "--epochs is 0, expected a whole number of at least 1."),
        ("global_batch_size", -1, "--global_batch_size is -1, expected a whole number"),
        ("checkpoint_every_steps", 0, "--checkpoint_every_steps is 0, expected a whole number"),
        ("learning_rate", 0.0, r"--learning_rate is 0.0, expected a number in \(0, 1\)"),
        ("learning_rate", float("nan"), "--learning_rate is nan"),
        ("warmup_fraction", 1.0, r"--warmup_fraction is 1.0, expected a share in \[0, 1\)."),
        ("dropout", -0.1, "--dropout is -0.1"),
        ("weight_decay", 2.0, "--weight_decay is 2.0"),
        ("seed", -1, "--seed is -1"),
        ("precision", "int8", "--precision is 'int8', expected one of float32, bfloat16, float16."),
        ("accumulation_steps", 33, "more than the 32 examples of --global_batch_size"),
        ("clipping_norm", -1.0, "--clipping_norm is -1.0, expected a number in"),
        ("tpu", "local", "--tpu is 'local', but --strategy is not given. Give --strategy tpu."),
        ("strategy", "many", "--strategy is 'many', expected one of one_device, mirrored"),
    ],
)
def test_impossible_values_name_the_flag(field, value, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**(BASE | {field: value}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"doc_stride": 128}, "--doc_stride is 128, but --task is imdb, whose records are not cut"),
        ({"max_query_length": 64}, "--max_query_length is 64, but --task is imdb"),
    ],
)
def test_values_that_cannot_go_together(fields, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**(BASE | fields))


def test_changed_fields_ignores_where_and_how_often():
    saved = dataclasses.asdict(TrainConfig(**BASE)) | {"data_digest": "x"}
    asked = TrainConfig(
        task="imdb", data_dir="moved", output_dir="there", epochs=5, strategy="mirrored"
    )
    assert changed_fields(asked, saved) == {"epochs": (3, 5)}


def test_fingerprint_is_of_what_shapes_the_result():
    one = TrainConfig(**BASE)
    moved = TrainConfig(**(BASE | {"data_dir": "moved", "output_dir": "there"}))
    assert fingerprint(one, "a") == fingerprint(moved, "a") < 2**32
    other = TrainConfig(**BASE, learning_rate=3e-5)
    assert len({fingerprint(one, "a"), fingerprint(one, "b"), fingerprint(other, "a")}) == 3


def test_read_config_without_a_run(tmp_path):
    with pytest.raises(InputError, match=r"no config.json, so this is not a training run"):
        read_config(tmp_path)


def test_read_config_that_is_cut_short(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"task": "imdb"})[:-3])
    with pytest.raises(InputError, match=r"config.json: not the config of a run"):
        read_config(tmp_path)
