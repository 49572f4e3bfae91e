"""What stops an impossible run before anything heavy is loaded. Imports no TensorFlow.

Values that cannot go together are refused by `config.TrainConfig`; here is what depends on files
and on the environment.
"""

import os
import pathlib
from collections.abc import Collection

from preprocessing.dataset_info import DatasetInfo, load_info
from preprocessing.errors import InputError
from trainer.cluster import VARIABLE, check_named, read_cluster
from trainer.config import CONFIG_FILE, LENGTHS, TrainConfig, changed_fields, read_config
from trainer.fine_tuning import class_names, class_weights, metric_of
from trainer.preset_folder import (
    check_same_vocabulary,
    check_vocabulary_file,
    folder_vocabulary_sha256,
    preset_folder,
)
from trainer.run_files import RUN_FILES, RUN_FOLDERS, TENSORBOARD_DIR

_AWAY = "Move it away, or name another --output_dir."


def check_run(
    config: TrainConfig, overwrite: bool = False, undecided: Collection[str] = ()
) -> None:
    """Checks the cluster, the data set, the preset and the run directory.

    Args:
        config: the run.
        overwrite: whether a run in the folder is to be removed.
        undecided: fields whose value will be found later.

    Raises:
        InputError: the run cannot be.
    """
    check_cluster(config)
    info = check_data(config)
    check_preset(config, info)
    folder = pathlib.Path(config.output_dir)
    check_writable(folder)
    if not overwrite:
        check_same_run(folder, config, info, undecided)


def check_cluster(config: TrainConfig) -> None:
    """Checks that TF_CONFIG, the strategy and the batch go together.

    Raises:
        InputError: naming TF_CONFIG.
    """
    cluster = read_cluster()
    processes = cluster.processes if cluster else 0
    if config.strategy == "multi_worker":
        check_named(cluster)
    if config.strategy in ("one_device", "mirrored") and processes > 1:
        raise InputError(
            f"--strategy is {config.strategy!r}, but {VARIABLE} names {processes} processes, which "
            "would all write to --output_dir. Leave --strategy out, or unset the variable."
        )
    if processes > config.global_batch_size:
        raise InputError(
            f"--global_batch_size is {config.global_batch_size}, but {VARIABLE} names {processes} "
            "processes. Expected at least one example for each."
        )


def check_data(config: TrainConfig) -> DatasetInfo:
    """Reads info.json and checks that the data set is whole and what the run expects.

    Raises:
        InputError: there is no data set, or it is of another task or of other lengths, or lacks
            what the run learns or compares its epochs by.
    """
    data_dir = pathlib.Path(config.data_dir)
    info = load_info(data_dir)
    if info.task != config.task:
        raise InputError(
            f"--data_dir {data_dir} holds {info.task} records, but --task is {config.task}."
        )
    _check_shards(data_dir, info)
    _check_lengths(config, info)
    names = class_names(config.task, info.labels, config.data_dir)
    class_weights(config.class_weights, names, [1] * len(names))  # its names; counts come later
    metric_of(config, info)
    return info


def _check_shards(data_dir: pathlib.Path, info: DatasetInfo) -> None:
    for split in info.splits.keys() & {"train", "validation"}:
        for path in (data_dir / name for name in info.splits[split].shards):
            if not path.is_file():
                raise InputError(
                    f"{path}: not there, but info.json names it. Run the preprocessing again."
                )


def _check_lengths(config: TrainConfig, info: DatasetInfo) -> None:
    expected = {name: getattr(config, name) for name in LENGTHS if getattr(config, name)}
    for name, length in expected.items():
        found = info.parameters.get(name)
        if found != length:
            flags = " ".join(f"--{flag} {value}" for flag, value in expected.items())
            raise InputError(
                f"--data_dir {config.data_dir} was made with --{name} {found}, but this run "
                f"expects {length}. Run `python -m preprocessing {config.task} {flags} --input ... "
                f"--output_dir ...`, or give --{name} {found} to train on it as it is."
            )


def check_preset(config: TrainConfig, info: DatasetInfo) -> None:
    """Checks a preset that is a folder, and its vocabulary against the records'.

    Raises:
        InputError: the folder is no preset, or has another vocabulary.
    """
    data_dir = pathlib.Path(config.data_dir)
    check_vocabulary_file(data_dir, info)
    folder = config.preset and preset_folder(config.preset, pathlib.Path(config.preset_dir))
    sha256 = folder and folder_vocabulary_sha256(folder)
    if sha256:
        check_same_vocabulary(str(folder), sha256, data_dir, info)


def check_writable(folder: pathlib.Path) -> None:
    """Checks that a folder is one, or can be made, and that a run's files can be in it.

    Raises:
        InputError: a file or a folder is in the way, or permission is missing.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise InputError(f"--output_dir {folder}: {place} is a file, expected a folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(
            f"--output_dir {folder}: no permission to write in {place}. Name another folder."
        )
    _check_places(folder)


def _check_places(folder: pathlib.Path) -> None:
    """Checks what stands where a run has its files and folders."""
    for path in (folder / name for name in RUN_FILES):
        if path.is_dir():
            raise InputError(f"{path}: a folder, expected the run's file. {_AWAY}")
    inner = (TENSORBOARD_DIR + "/train", TENSORBOARD_DIR + "/validation")
    for path in (folder / name for name in (*RUN_FOLDERS, *inner)):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: a file, expected the run's folder. {_AWAY}")
        if path.is_dir() and not os.access(path, os.W_OK | os.X_OK):
            raise InputError(f"{path}: no permission to write in it. {_AWAY}")


def check_same_run(
    run_dir: pathlib.Path,
    config: TrainConfig,
    info: DatasetInfo,
    undecided: Collection[str] = (),
) -> None:
    """Checks that the folder is free, or holds the same run on the same records.

    Args:
        run_dir: the folder.
        config: the run that was asked for.
        info: of its data set.
        undecided: fields that are not compared.

    Raises:
        InputError: naming every field that differs.
    """
    if not (run_dir / CONFIG_FILE).exists():
        return
    saved = read_config(run_dir)
    changed = changed_fields(config, saved)
    if saved.get("data_digest") != info.digest:
        changed["data_digest"] = (saved.get("data_digest"), info.digest)
    differences = [
        f"{name} was {old!r}, is {new!r}"
        for name, (old, new) in changed.items()
        if name not in undecided
    ]
    if differences:
        raise InputError(
            f"--output_dir {run_dir} holds another run: {', '.join(differences)}. Give the same "
            "values to go on with it, another --output_dir, or --overwrite to start anew."
        )
