"""What a run directory holds, and the files that are used without TensorFlow, too."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from preprocessing.dataset_info import VOCABULARY_FILE
from preprocessing.errors import InputError
from trainer.best import line_of_weights
from trainer.config import CONFIG_FILE
from trainer.disk import put_in_place

WEIGHTS_FILE = "model.weights.h5"
HISTORY_FILE = "history.jsonl"
CURVES_FILE = "curves.png"
MODEL_CARD_FILE = "model_card.md"
CHECKPOINT_DIR = "checkpoints"
TENSORBOARD_DIR = "tensorboard"

RUN_FILES = (
    *(WEIGHTS_FILE, CONFIG_FILE, VOCABULARY_FILE),
    *(HISTORY_FILE, CURVES_FILE, MODEL_CARD_FILE),
)
RUN_FOLDERS = (CHECKPOINT_DIR, TENSORBOARD_DIR)


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a text as UTF-8 in the place of what the file holds, whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    put_in_place(temporary, path)


def is_finished(run_dir: pathlib.Path) -> bool:
    """Whether the weights are there; they are written last."""
    return (run_dir / WEIGHTS_FILE).is_file()


def final_line(run_dir: pathlib.Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The line of history.jsonl that tells of the weights of a finished run.

    Args:
        run_dir: of the run.
        config: the run's fields of `TrainConfig`.

    Raises:
        InputError: there is none.
    """
    path = run_dir / HISTORY_FILE
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return dict(line_of_weights(lines, config))
    except (OSError, IndexError, ValueError) as error:
        raise InputError(
            f"{path}: expected a line for each epoch of the finished run, but it cannot be read "
            f"({error}). Give --overwrite to train anew."
        ) from error
