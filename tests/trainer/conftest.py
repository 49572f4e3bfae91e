"""A tiny data set of each task, a tiny preset, and the config of a run of seconds."""

from typing import Any

import pytest

from tests.trainer.fork_server import ForkServer, Trainer
from tests.trainer.tiny import ARCHITECTURE, WORDS, trainer_command, write_dataset
from trainer.config import TrainConfig
from trainer.presets import new_backbone
from trainer.tensorflow_keras import keras


@pytest.fixture(scope="session")
def imdb_data(tmp_path_factory):
    """90 reviews for training, 18 for validation."""
    folder = tmp_path_factory.mktemp("imdb_data")
    return write_dataset(folder, "imdb", {"train": 90, "validation": 18})


@pytest.fixture(scope="session")
def squad_data(tmp_path_factory):
    """90 windows for training, 18 for validation."""
    folder = tmp_path_factory.mktemp("squad_data")
    return write_dataset(folder, "squad", {"train": 90, "validation": 18})


@pytest.fixture(scope="session")
def tiny_preset(tmp_path_factory):
    """A Keras preset folder of a one-layer BERT with the vocabulary of the data sets."""
    folder = tmp_path_factory.mktemp("tiny_preset")
    keras.utils.set_random_seed(0)
    new_backbone(ARCHITECTURE, "float32").save_to_preset(str(folder))
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    (assets / "vocabulary.txt").write_text("".join(f"{word}\n" for word in WORDS))
    return folder


@pytest.fixture
def tiny_config(tiny_preset, tmp_path):
    """Makes the config of a run of seconds; keyword arguments replace its fields."""

    def make(**fields):
        defaults: dict[str, Any] = {
            "output_dir": str(tmp_path / "run"),
            "preset": str(tiny_preset),
            "epochs": 2,
            "global_batch_size": 16,
            "learning_rate": 5e-3,
            "precision": "float32",
        }
        return TrainConfig(**(defaults | fields))

    return make


@pytest.fixture(scope="session")
def fork_server():
    """A process from which trainers are forked."""
    with ForkServer() as server:
        yield server


@pytest.fixture
def start_trainer(fork_server, tmp_path):
    """Starts a trainer: `start_trainer(config, *flags, devices=1, TF_CONFIG=...)`."""
    running = []

    def start(config, *flags, **how):
        log = tmp_path / f"trainer-{len(running)}.log"
        flags = [*trainer_command(config)[3:], *flags]  # without python -m trainer
        running.append(Trainer(fork_server, flags, log, **how))
        return running[-1]

    yield start
    for trainer in running:
        trainer.end()
