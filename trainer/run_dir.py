"""The run directory: started by the trainer, finished by its weights, loaded by the exporter."""

import dataclasses
import json
import os
import pathlib
import shutil
from typing import Any

from preprocessing.dataset_info import VOCABULARY_FILE, DatasetInfo
from preprocessing.errors import InputError
from trainer.config import CONFIG_FILE, TrainConfig, read_config
from trainer.disk import put_in_place, reserve
from trainer.fine_tuning import class_names
from trainer.models import task_model
from trainer.presets import architecture_of, new_backbone
from trainer.run_files import RUN_FILES, RUN_FOLDERS, WEIGHTS_FILE, is_finished, write_whole
from trainer.tensorflow_keras import keras

H5_BYTES_PER_VARIABLE = 4096  # of names and indices, seen 2,200


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        config: the content of config.json: the fields of `TrainConfig`, and those that
            `start_run` adds.
        vocabulary_path: of the run's vocab.txt.
        model: the trained model, as `models.task_model` makes it.
    """

    config: dict[str, Any]
    vocabulary_path: pathlib.Path
    model: keras.Model


def remove_run(run_dir: pathlib.Path) -> None:
    """Removes what a run has written into the folder, and nothing else."""
    for name in RUN_FILES:
        (run_dir / name).unlink(missing_ok=True)
    for name in RUN_FOLDERS:
        shutil.rmtree(run_dir / name, ignore_errors=True)


def start_run(
    run_dir: pathlib.Path, config: TrainConfig, info: DatasetInfo, backbone: keras.Model
) -> None:
    """Writes config.json and vocab.txt: all that an export needs besides the weights."""
    run_dir.mkdir(parents=True, exist_ok=True)
    vocabulary = pathlib.Path(config.data_dir) / info.vocabulary_file
    shutil.copyfile(vocabulary, run_dir / VOCABULARY_FILE)
    content = dataclasses.asdict(config) | {
        "backbone": architecture_of(backbone),
        "vocabulary_sha256": info.vocabulary_sha256,
        "lowercase": info.lowercase,
        "parameters": info.parameters,
        "data_digest": info.digest,
        "labels": class_names(config.task, info.labels, config.data_dir),
        "has_unanswerable": info.has_unanswerable,
        "versions": {"keras": keras.__version__},
    }
    write_whole(run_dir / CONFIG_FILE, json.dumps(content, indent=2) + "\n")


def save_weights(run_dir: pathlib.Path, model: keras.Model) -> None:
    """Writes the weights under a temporary name and renames them: the run is finished."""
    path = run_dir / WEIGHTS_FILE
    temporary = path.with_name(f".tmp.{path.name}")  # Keras insists on the end of the name
    values = sum(variable.numpy().nbytes for variable in model.variables)
    reserve(temporary, values + H5_BYTES_PER_VARIABLE * len(model.variables))
    model.save_weights(temporary, overwrite=True)
    put_in_place(temporary, path)


def load_run(run_dir: str | os.PathLike[str], precision: str = "float32") -> Run:
    """Loads a finished run; needs no preset and no data set.

    Args:
        run_dir: the trainer's --output_dir.
        precision: of the model's arithmetic, "float32" or "bfloat16"; the weights are float32.

    Raises:
        InputError: the folder is not a run, or the run is not finished.
    """
    folder = pathlib.Path(run_dir)
    config = read_config(folder)
    if not is_finished(folder):
        raise InputError(
            f"{folder}: the run is not finished: there is no {WEIGHTS_FILE}. Give the same "
            "`python -m trainer` command again; it goes on where it stopped."
        )
    try:
        backbone = new_backbone(config["backbone"], precision)
        classes = len(config["labels"])
        model = task_model(config["task"], backbone, config["dropout"], classes)
        model.load_weights(folder / WEIGHTS_FILE)
    except (KeyError, ValueError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{folder}: {CONFIG_FILE} and {WEIGHTS_FILE} do not belong together or are not of "
            f"this version of Bertline ({reason}). Train again."
        ) from error
    return Run(config, folder / VOCABULARY_FILE, model)
