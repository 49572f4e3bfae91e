"""Deletes old versions: never one that is in use, and each in one step for a server that polls."""

import dataclasses
import datetime
import os
import pathlib
import shutil
import uuid
from collections.abc import Mapping

from preprocessing.errors import InputError
from serving.registry import config_file, labels
from serving.registry.changes import Target
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
    target: Target, keep: int, older_than_days: float | None = None, dry_run: bool = False
) -> Plan:
    """Deletes versions beyond the `keep` newest.

    Args:
        target: the model.
        keep: how many of the newest stay in any case.
        older_than_days: only versions that are older.
        dry_run: only tells.

    Raises:
        InputError: a number makes no sense, the config cannot be read, or a version cannot be
            deleted.
    """
    if keep < 1:
        raise InputError(f"--keep is {keep}, expected at least 1: the newest always stays.")
    if older_than_days is not None and older_than_days < 0:
        raise InputError(f"--older_than is {older_than_days:g}, expected days, 0 or more.")
    with config_file.opened(target.config) as config:  # no label moves meanwhile
        entry = config_file.find(config.proto, target.name)
        versions = read_versions(target.model_dir, dict(entry.version_labels) if entry else {})
        reasons = _reasons(versions, entry, keep, older_than_days)
        removed = [version for version in versions if version.number not in reasons]
        kept = [(v, reasons[v.number]) for v in versions if v.number in reasons]
        if not dry_run:
            for version in removed:
                _remove(version.path)
            _remove_leftovers(target.model_dir)
    return Plan(removed, kept)


def _reasons(
    versions: list[Version],
    entry: config_file.ModelConfig | None,
    keep: int,
    older_than_days: float | None,
) -> Mapping[int, str]:
    """Why versions stay: number -> the first reason."""
    now = datetime.datetime.now(datetime.UTC)
    numbers = [version.number for version in versions]
    loaded: set[int] = set()
    # A config that has a server load all versions is no reason to keep all.
    if entry and entry.model_version_policy.WhichOneof("policy_choice") != "all":
        loaded = labels.chosen(entry, numbers)
    reasons = {}
    for version in versions:
        if version.labels:
            reasons[version.number] = f"has the label {', '.join(version.labels)}"
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
