"""Deletes old versions: never one that is in use, and each in one step for a server that polls."""

import dataclasses
import datetime
import os
import pathlib
import shutil
import uuid
from collections.abc import Mapping, Sequence

from preprocessing.errors import InputError
from serving.registry import config_file, labels
from serving.registry.changes import Target
from serving.registry.config_file import ModelConfig
from serving.registry.model import Version, age_days, read_versions

_REMOVED = ".removed-"  # no server takes that for a version


@dataclasses.dataclass(frozen=True)
class Plan:
    """What goes and what stays, and why."""

    removed: list[Version]
    kept: list[tuple[Version, str]]

    @property
    def freed(self) -> int:
        """Bytes."""
        return sum(version.size for version in self.removed)


def prune(
    target: Target,
    keep: int,
    older_than_days: float | None = None,
    dry_run: bool = False,
    unlabelled: bool = False,
) -> Plan:
    """Deletes versions beyond the `keep` newest.

    Args:
        target: the model.
        keep: how many of the newest stay in any case.
        older_than_days: only versions that are older.
        dry_run: only tells.
        unlabelled: no config need name the model: none of its versions has a label.

    Raises:
        InputError: a number makes no sense, the config cannot be read or does not name the model,
            or a version cannot be deleted.
    """
    if keep < 1:
        raise InputError(f"--keep is {keep}, expected at least 1: the newest always stays.")
    if older_than_days is not None and older_than_days < 0:
        raise InputError(f"--older_than is {older_than_days:g}, expected days, 0 or more.")
    with config_file.opened(target.config) as config:  # no label moves meanwhile
        entries = labels.entries_on(config.proto, target.name, target.model_dir)
        if not (entries or unlabelled):
            raise _unnamed(target)
        versions = read_versions(target.model_dir, {})
        reasons = _reasons(versions, entries, keep, older_than_days)
        removed = [version for version in versions if version.number not in reasons]
        kept = [(v, reasons[v.number]) for v in versions if v.number in reasons]
        if not dry_run:
            for version in removed:
                _remove(version.path)
            _remove_leftovers(target.model_dir)
    return Plan(removed, kept)


def _unnamed(target: Target) -> InputError:
    found = "no such file" if not target.config.exists() else f"no entry for {target.name} in it"
    return InputError(
        f"{target.config}: {found}, so it is not known which versions of {target.model_dir} have a "
        "label, and none is deleted. Name the config with --config and the model with --name, or "
        "say --unlabelled if no server's config names the folder."
    )


def _labels_by_version(entries: Sequence[ModelConfig]) -> Mapping[int, str]:
    """Number -> the labels that point at it, with the names of the entries where they are many."""
    found: dict[int, list[str]] = {}
    for entry in entries:
        of = f" of {entry.name}" if len(entries) > 1 else ""
        for label, number in sorted(entry.version_labels.items()):
            found.setdefault(number, []).append(label + of)
    return {number: ", ".join(some) for number, some in found.items()}


def _loaded(entries: Sequence[ModelConfig], numbers: Sequence[int]) -> set[int]:
    """The versions that servers load; a config that has them load all is no reason to keep all."""
    return {
        number
        for entry in entries
        if entry.model_version_policy.WhichOneof("policy_choice") != "all"
        for number in labels.chosen(entry, numbers)
    }


def _reasons(
    versions: list[Version],
    entries: Sequence[ModelConfig],
    keep: int,
    older_than_days: float | None,
) -> Mapping[int, str]:
    """Why versions stay: number -> the first reason."""
    now = datetime.datetime.now(datetime.UTC)
    numbers = [version.number for version in versions]
    loaded, labelled = _loaded(entries, numbers), _labels_by_version(entries)
    reasons = {}
    for version in versions:
        if version.number in labelled:
            reasons[version.number] = f"has the label {labelled[version.number]}"
        elif version.number == numbers[-1]:
            reasons[version.number] = "is the newest"
        elif version.number in loaded:
            reasons[version.number] = "is loaded by the config"
        elif version.number in numbers[-keep:]:
            reasons[version.number] = f"is one of the {keep} newest"
        elif older_than_days is not None and age_days(version, now) <= older_than_days:
            reasons[version.number] = f"is not older than {older_than_days:g} days"
    return reasons


def _remove(path: pathlib.Path) -> None:
    hidden = path.with_name(f"{_REMOVED}{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        os.rename(path, hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise InputError(f"{path}: cannot be deleted ({error.strerror}).") from error


def _remove_leftovers(model_dir: pathlib.Path) -> None:
    """What a command that was killed had renamed, but not deleted yet."""
    for path in model_dir.glob(f"{_REMOVED}*"):
        shutil.rmtree(path, ignore_errors=True)
