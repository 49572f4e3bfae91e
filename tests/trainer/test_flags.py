"""trainer/flags.py."""

import argparse

import pytest

from trainer.config import TrainConfig
from trainer.flags import add_flags


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], {}, id="absent-when-not-given"),
        pytest.param(["--jit_compile"], {"jit_compile": True}, id="yes"),
        pytest.param(["--no_jit_compile"], {"jit_compile": False}, id="no"),
        pytest.param(["--jit_compile", "--no_jit_compile"], {"jit_compile": False}, id="last-wins"),
        pytest.param(["--no_strategy"], {"strategy": None}, id="none"),
        pytest.param(
            ["--checkpoint_every_steps=7", "--learning_rate", "3e-5"],
            {"checkpoint_every_steps": 7, "learning_rate": 3e-5},
            id="numbers",
        ),
    ],
)
def test_flags_of_a_config(arguments, expected):
    parser = argparse.ArgumentParser()
    add_flags(parser, TrainConfig)
    assert vars(parser.parse_args(arguments)) == expected
