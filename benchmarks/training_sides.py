"""The commands of the training benchmarks: one recipe, given to Bertline and to its peers."""

import argparse
import dataclasses
import json
import os
import pathlib
import sys
from typing import Any

from preprocessing import command_line
from preprocessing.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEER = "benchmarks/pytorch_training.py"
PEER_PACKAGES = ("torch", "transformers", "tokenizers")
MAX_SEQ_LENGTH = {"imdb": 256, "squad": 384}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all sides have in common; the rest is the same in both programs by default.

    Warm-up over a tenth of the steps, linear decay to 0, AdamW (0.9, 0.999, 1e-6), decay 0.01 but
    for biases and LayerNorm, clipping at 1, dropout 0.1.
    """

    task: str
    preset: str  # a folder in Hugging Face's layout
    max_seq_length: int  # in tokens
    precision: str
    epochs: int
    batch_size: int
    learning_rate: float

    def preprocess(self, source: str, output_dir: pathlib.Path) -> list[str]:
        """`python -m preprocessing`, with all examples for training."""
        command = [sys.executable, "-m", "preprocessing", self.task, "--input", source]
        command += ["--vocab_file", f"{self.preset}/vocab.txt", "--output_dir", str(output_dir)]
        return [*command, *_flags(validation_fraction=0, max_seq_length=self.max_seq_length)]

    def train(self, data_dir: pathlib.Path, run_dir: pathlib.Path, seed: int) -> list[str]:
        """`python -m trainer`."""
        command = [sys.executable, "-m", "trainer", "--task", self.task, "--preset", self.preset]
        command += ["--data_dir", str(data_dir), "--output_dir", str(run_dir)]
        return command + _flags(
            precision=self.precision,
            epochs=self.epochs,
            global_batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            warmup_fraction=0.1,
            seed=seed,
        )

    def train_peer(self, python: str, source: str, output: pathlib.Path, seed: int) -> list[str]:
        """`python -m benchmarks.pytorch_training`, to be run in `ROOT`."""
        command = [python, "-m", "benchmarks.pytorch_training", self.task]
        command += ["--preset", self.preset, "--train", source, "--output", str(output)]
        return [*command, *_flags(**self.settings(), seed=seed)]

    def fit(self, data_dir: pathlib.Path, output: pathlib.Path) -> list[str]:
        """`python -m benchmarks.keras_fit`."""
        command = [sys.executable, "-m", "benchmarks.keras_fit", self.task]
        command += ["--preset", self.preset, "--data_dir", str(data_dir), "--output", str(output)]
        return [*command, *_flags(**self.settings())]

    def settings(self) -> dict[str, Any]:
        """The fields that must be the same in results that are compared."""
        names = ("max_seq_length", "precision", "epochs", "batch_size", "learning_rate")
        return {name: getattr(self, name) for name in names}


def _flags(**values: object) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]


def recipe_parser(prog: str, description: str | None) -> command_line.ArgumentParser:
    """A parser with the flags of both training benchmarks."""
    parser = command_line.ArgumentParser(
        prog=prog, description=f"{description} Flags that are not listed go to `python -m trainer`."
    )
    parser.add_argument("task", choices=list(MAX_SEQ_LENGTH))
    parser.add_argument(
        "--train", required=True, help="aclImdb (folder, tar), or SQuAD JSON; all of it is used"
    )
    parser.add_argument("--preset", default="data/presets/minilm", help="folder of the weights")
    parser.add_argument("--peer_python", help=f"a Python with the packages of {PEER}")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--learning_rate", type=float, default=5e-5)
    command_line.add_verbose_flag(parser)
    return parser


def recipe_of(flags: argparse.Namespace, max_seq_length: int) -> Recipe:
    """The recipe that the flags of `recipe_parser` name."""
    return Recipe(
        task=flags.task,
        preset=flags.preset,
        max_seq_length=max_seq_length,
        precision=flags.precision,
        epochs=flags.epochs,
        batch_size=flags.batch_size,
        learning_rate=flags.learning_rate,
    )


def absolute(flag: str, path: str) -> str:
    """A path that also holds where the sides run.

    Raises:
        InputError: there is nothing.
    """
    found = pathlib.Path(path).absolute()
    if not found.exists():
        raise InputError(f"--{flag} {path}: no such file or folder.")
    return str(found)


def read_lines(path: pathlib.Path) -> list[dict[str, Any]]:
    """The objects of a JSON lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Writes a result as a whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(temporary, path)
