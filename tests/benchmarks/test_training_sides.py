import pathlib

import pytest

import preprocessing.__main__
import trainer.__main__
from benchmarks import keras_fit, pytorch_training, training_sides
from benchmarks.training_sides import Recipe
from preprocessing.errors import InputError

RECIPE = Recipe(
    task="squad",
    preset="weights",
    max_seq_length=96,
    precision="float32",
    epochs=4,
    batch_size=6,
    learning_rate=1e-3,
)
DATA, OUT = pathlib.Path("data"), pathlib.Path("out")


def parsed(parser, command):
    """What a program takes the flags for, behind `python -m program`."""
    return vars(parser.parse_args(command[3:]))


def test_preprocessing_is_given_the_recipe():
    flags = parsed(preprocessing.__main__._parser(), RECIPE.preprocess("raw.json", OUT))
    expected = {"max_seq_length": 96, "validation_fraction": 0, "vocab_file": "weights/vocab.txt"}
    expected |= {"task": "squad", "input": ["raw.json"], "output_dir": "out"}
    assert {name: flags[name] for name in expected} == expected


def test_the_trainer_is_given_the_recipe():
    flags = parsed(trainer.__main__._parser(), RECIPE.train(DATA, OUT, seed=7))
    expected = {"task": "squad", "preset": "weights", "data_dir": "data", "output_dir": "out"}
    expected |= {"precision": "float32", "epochs": 4, "global_batch_size": 6, "seed": 7}
    expected |= {"learning_rate": 1e-3, "warmup_fraction": pytorch_training.WARMUP_FRACTION}
    assert {name: flags[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("parser", "command", "source"),
    [
        pytest.param(
            pytorch_training._parser(),
            RECIPE.train_peer("python", "raw.json", OUT, seed=7),
            {"train": "raw.json", "seed": 7},
            id="pytorch",
        ),
        pytest.param(
            keras_fit._parser(), RECIPE.fit(DATA, OUT), {"data_dir": DATA}, id="keras_fit"
        ),
    ],
)
def test_the_peers_are_given_the_recipe(parser, command, source):
    flags = parsed(parser, command)
    expected = {"task": "squad", "preset": "weights", "output": OUT, "epochs": 4, "batch_size": 6}
    expected |= {"max_seq_length": 96, "precision": "float32", "learning_rate": 1e-3} | source
    assert {name: flags[name] for name in expected} == expected


def test_a_path_that_is_not_there():
    with pytest.raises(InputError, match="--train nothing-here: no such file or folder"):
        training_sides.absolute("train", "nothing-here")
