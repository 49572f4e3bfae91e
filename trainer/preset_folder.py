"""Folders that `--preset` names, and their vocabulary. Imports no TensorFlow."""

import pathlib

from preprocessing.dataset_info import VOCABULARY_FILE, DatasetInfo, sha256_of_file
from preprocessing.errors import InputError

FETCHED = "minilm"  # what `python -m preprocessing.fetch weights` brings
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model.weights.h5")
VOCABULARY_FILES = (VOCABULARY_FILE, "assets/tokenizer/vocabulary.txt")  # Hugging Face, Keras


def preset_folder(preset: str, preset_dir: pathlib.Path) -> pathlib.Path | None:
    """The folder that a `--preset` stands for; None for a URL or a name of the keras-hub.

    Raises:
        InputError: the folder is not there, or has no weights.
    """
    if "://" in preset:
        return None
    if preset == FETCHED:
        return _checked_folder(
            preset_dir / FETCHED, "Run `python -m preprocessing.fetch weights` to fetch it."
        )
    folder = pathlib.Path(preset).expanduser()
    if folder.is_dir() or "/" in preset or preset.startswith((".", "~")):
        return _checked_folder(folder, "Give a folder with config.json and weights.")
    return None


def folder_vocabulary_sha256(folder: pathlib.Path) -> str | None:
    """The SHA-256 of a preset's vocabulary file; None when it has none."""
    paths = [folder / name for name in VOCABULARY_FILES if (folder / name).is_file()]
    return sha256_of_file(paths[0]) if paths else None


def check_vocabulary_file(data_dir: pathlib.Path, info: DatasetInfo) -> None:
    """Raises InputError when a data set's vocabulary is missing or was changed."""
    path = data_dir / info.vocabulary_file
    if not path.is_file():
        raise InputError(
            f"{path}: not there, but the records need it. Run the preprocessing again."
        )
    found = sha256_of_file(path)
    if found != info.vocabulary_sha256:
        raise InputError(
            f"{path}: its SHA-256 is {found}, expected the {info.vocabulary_sha256} of "
            "info.json. Run the preprocessing again."
        )


def check_same_vocabulary(
    preset: str, sha256: str, data_dir: pathlib.Path, info: DatasetInfo
) -> None:
    """Raises InputError when the records were made with another vocabulary than the preset's."""
    if sha256 != info.vocabulary_sha256:
        raise InputError(
            f"--preset {preset}: the SHA-256 of its vocabulary is {sha256}, but the records in "
            f"{data_dir} were made with {info.vocabulary_sha256}. Preprocess the data with the "
            "preset's vocabulary (--vocab_file)."
        )


def _checked_folder(folder: pathlib.Path, fix: str) -> pathlib.Path:
    if not folder.is_dir():
        raise InputError(f"--preset: there is no folder {folder}. {fix}")
    if not (folder / "config.json").is_file():
        raise InputError(f"--preset: {folder} has no config.json. {fix}")
    if not any((folder / name).is_file() for name in (*WEIGHT_FILES, "model.weights.json")):
        raise InputError(f"--preset: {folder} has none of {', '.join(WEIGHT_FILES)}. {fix}")
    return folder
