"""One training run as plain values, checked once. Imports no TensorFlow."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from preprocessing.errors import InputError

CONFIG_FILE = "config.json"
TASKS = ("imdb", "squad")
PRECISIONS = ("float32", "bfloat16")
STRATEGIES = ("one_device", "mirrored", "multi_worker")
# A run may go on with other values of these: they change where and how often, never the result.
MAY_CHANGE = frozenset(
    {"data_dir", "output_dir", "preset_dir", "strategy", "checkpoint_every_steps"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run; learning rate and batch size lie in the grid of Devlin et al. 2018, A.3.

    Raises:
        InputError: a value that cannot be right, named like its flag.
    """

    task: str  # "imdb" or "squad"
    data_dir: str  # holds info.json, vocab.txt and the shards
    output_dir: str  # the run directory
    preset: str | None = "minilm"  # None: a small random BERT
    preset_dir: str = "data/presets"  # holds the fetched presets, such as minilm
    freeze_encoder: bool = False  # train the head only
    epochs: int = 3
    global_batch_size: int = 32  # examples per step, summed over replicas
    learning_rate: float = 5e-5  # peak, reached at the end of warm-up
    warmup_fraction: float = 0.1  # share of all steps
    weight_decay: float = 0.01  # not on biases and LayerNorm
    dropout: float = 0.1  # of the encoder and the head
    seed: int = 0  # of the new weights, the dropout and the order of the data
    precision: str = "float32"  # of the arithmetic; the variables are always float32
    jit_compile: bool = False  # compile forward and backward pass with XLA
    strategy: str | None = None  # None: from the devices and TF_CONFIG
    checkpoint_every_steps: int | None = None  # None: once an epoch

    def __post_init__(self) -> None:
        _one_of("task", self.task, TASKS)
        _one_of("precision", self.precision, PRECISIONS)
        if self.strategy is not None:
            _one_of("strategy", self.strategy, STRATEGIES)
        _at_least_one("epochs", self.epochs)
        _at_least_one("global_batch_size", self.global_batch_size)
        if self.checkpoint_every_steps is not None:
            _at_least_one("checkpoint_every_steps", self.checkpoint_every_steps)
        _share("warmup_fraction", self.warmup_fraction)
        _share("dropout", self.dropout)
        if not 0.0 < self.learning_rate < 1.0:
            raise InputError(
                f"--learning_rate is {self.learning_rate}, expected a number in (0, 1), such as "
                "5e-5."
            )
        if not 0.0 <= self.weight_decay < 1.0:
            raise InputError(
                f"--weight_decay is {self.weight_decay}, expected a number in [0, 1), such as 0.01."
            )
        if not 0 <= self.seed < 2**31:
            raise InputError(f"--seed is {self.seed}, expected a whole number in [0, 2**31).")


def changed_fields(config: TrainConfig, saved: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Compares a run with the one that a folder holds.

    Args:
        config: the run that was asked for.
        saved: the content of the folder's config.json.

    Returns:
        Field -> (saved value, asked value) for the fields that shape the result and differ.
    """
    asked = dataclasses.asdict(config)
    return {
        name: (saved.get(name), value)
        for name, value in asked.items()
        if name not in MAY_CHANGE and saved.get(name) != value
    }


def read_config(run_dir: pathlib.Path) -> dict[str, Any]:
    """Reads a run's config.json: the fields of `TrainConfig` and what `run_dir.py` adds.

    Raises:
        InputError: there is none, or it is not JSON.
    """
    path = run_dir / CONFIG_FILE
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        raise InputError(
            f"{run_dir}: no {CONFIG_FILE}, so this is not a training run. Make one with "
            "`python -m trainer --output_dir ...`."
        ) from None
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: not the config of a run ({error}). Train into a new --output_dir, or "
            "give --overwrite."
        ) from error


def _one_of(flag: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"--{flag} is {value!r}, expected one of {', '.join(choices)}.")


def _at_least_one(flag: str, value: int) -> None:
    if value < 1:
        raise InputError(f"--{flag} is {value}, expected a whole number of at least 1.")


def _share(flag: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise InputError(f"--{flag} is {value}, expected a share in [0, 1).")
