"""Which version answers, on any file system, and what is known of it."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from preprocessing import files, storage
from preprocessing.errors import InputError
from serving.model_dir import SAVED_MODEL, newest_version

_PROVENANCE = "assets.extra/provenance.json"


@dataclasses.dataclass(frozen=True)
class ServedVersion:
    """A version that answers the rows of a job."""

    path: str  # absolute, or gs://… and the like
    model: str  # name of the model's folder
    number: str
    task: str  # "imdb" or "squad"
    labels: tuple[str, ...]  # of a classifier
    provenance_sha256: str
    saved_model_sha256: str

    def describe(self) -> dict[str, Any]:
        """As it stands in `info.json`."""
        return dataclasses.asdict(self) | {"labels": list(self.labels)}


def find_version(model_dir: str) -> ServedVersion:
    """A version by its own folder, or the newest in a model's.

    Raises:
        InputError: there is none, or it does not say what it was trained for.
    """
    if storage.is_local(model_dir):
        try:
            folder = newest_version(pathlib.Path(model_dir))
        except InputError as error:
            raise InputError(f"--model_dir {error}") from error
        return _described(os.path.abspath(folder))
    return _described(_newest_remote(model_dir.rstrip("/")))


def _newest_remote(folder: str) -> str:
    """As `newest_version`; an object store has no folders but what its files' names tell."""
    below = {path.removeprefix(folder).lstrip("/") for path in files.list_files(folder)}
    if SAVED_MODEL in below:
        return folder
    numbers = [
        name
        for name, _, file in (path.partition("/") for path in below)
        if file == SAVED_MODEL and name.isascii() and name.isdigit()
    ]
    if not numbers:
        raise InputError(
            f"--model_dir {folder}: no version of a model in it (folders named 1, 2, … that hold "
            f"{SAVED_MODEL}). Make one with `python -m serving.export`."
        )
    return storage.join(folder, max(numbers, key=int))


def _described(folder: str) -> ServedVersion:
    path = storage.join(folder, _PROVENANCE)
    content = files.read_file(path)
    try:
        run = json.loads(content)["run"]
        task, labels = run["task"], tuple(run.get("labels") or ())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: does not say which task the model is for ({error!r}), expected a version "
            "that `python -m serving.export` has written."
        ) from error
    if task not in ("imdb", "squad"):
        raise InputError(f"{path}: the task is {task!r}, expected imdb or squad.")
    model, number = folder.split("/")[-2:]
    return ServedVersion(
        path=folder,
        model=model,
        number=number,
        task=task,
        labels=labels if task == "imdb" else (),
        provenance_sha256=hashlib.sha256(content).hexdigest(),
        saved_model_sha256=files.sha256_of(storage.join(folder, SAVED_MODEL)),
    )


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[pathlib.Path]:
    """A version's folder on this machine: itself, or a copy of a remote one for the block.

    TensorFlow itself reads few of the file systems that Beam does.

    Raises:
        InputError: it cannot be read.
    """
    if storage.is_local(path):
        yield pathlib.Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="version-") as name:
        folder = pathlib.Path(name)
        for file in files.list_files(path):
            target = folder / file.removeprefix(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.read_file(file))
        yield folder
