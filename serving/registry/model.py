"""The versions in a model's folder: what each is, how large, and under which labels."""

import dataclasses
import datetime
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from preprocessing.errors import InputError
from serving import model_dir as model_folder
from serving import provenance
from serving.model_dir import SAVED_MODEL


@dataclasses.dataclass(frozen=True)
class Version:
    """One version; `None` and empty fields are what its provenance does not say."""

    number: int
    path: pathlib.Path
    created: str  # UTC, ISO 8601; of the SavedModel's file where the provenance has no time
    task: str | None  # "imdb" or "squad"
    dtype: str | None  # of the graph: "float32", "bfloat16"
    metrics: Mapping[str, float]  # of an evaluation, or else of the epoch
    size: int  # bytes on disk
    labels: tuple[str, ...]
    note: str = ""  # why the provenance cannot be read


def version_folders(model_dir: pathlib.Path) -> dict[int, pathlib.Path]:
    """Number -> folder of every version that holds a SavedModel, lowest first.

    Raises:
        InputError: the model's folder is not there.
    """
    if not model_dir.is_dir():
        raise InputError(f"{model_dir}: no such folder, expected a model's, as models/sentiment.")
    return model_folder.version_folders(model_dir)


def find_version(model_dir: pathlib.Path, number: int) -> pathlib.Path:
    """The folder of one version.

    Raises:
        InputError: it is not there; names those that are.
    """
    folders = version_folders(model_dir)
    if number not in folders:
        there = ", ".join(map(str, folders)) or "none"
        raise InputError(f"{model_dir}: no version {number} in it, expected one of: {there}.")
    return folders[number]


def read_versions(model_dir: pathlib.Path, labels: Mapping[str, int]) -> list[Version]:
    """All versions of a model, lowest first.

    Args:
        model_dir: the model's folder.
        labels: label -> version.

    Raises:
        InputError: the folder is not there.
    """
    return [
        _read_version(number, path, tuple(sorted(k for k, v in labels.items() if v == number)))
        for number, path in version_folders(model_dir).items()
    ]


def _read_version(number: int, path: pathlib.Path, labels: tuple[str, ...]) -> Version:
    note = ""
    try:
        found = provenance.read_if_there(path) or {}
    except InputError as error:
        found, note = {}, str(error)
    run = found.get("run")
    return Version(
        number=number,
        path=path,
        created=created_at(path, found),
        task=run.get("task") if isinstance(run, dict) else None,
        dtype=found.get("dtype"),
        metrics=metrics_of(found),
        size=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        labels=labels,
        note=note,
    )


def created_at(version: pathlib.Path, found: Mapping[str, Any]) -> str:
    """When a version was made, in UTC."""
    created = found.get("created")
    if isinstance(created, str) and _time(created):
        return created
    written = (version / SAVED_MODEL).stat().st_mtime
    time = datetime.datetime.fromtimestamp(written, datetime.UTC)
    return time.isoformat(timespec="seconds")


def age_days(version: Version, now: datetime.datetime) -> float:
    """Days since a version was made."""
    created = _time(version.created)
    assert created, version  # `created_at` gives nothing else
    return (now - created).total_seconds() / 86400


def _time(text: str) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def metrics_of(found: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a version's evaluation; without one, those of its epoch's validation."""
    evaluated = dict(_numbers(found.get("evaluation"), ""))
    if evaluated:
        return evaluated
    epoch = found.get("epoch")
    return {
        name: value
        for name, value in _numbers(epoch, "")
        if name.startswith(("validation_", "train_"))
    }


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    """Every number in nested objects, by its dotted name."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _numbers(below, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value
