"""Promotions and rollbacks: the config file, the history and, if there is one, a running server.

TF Serving gives a label only to a version that it has loaded, and refuses a config that does
otherwise as a whole. So a running server is led there in two steps: first a config that also
loads the version, then, once it is available, one that moves the label.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from preprocessing.errors import InputError
from serving.registry import config_file, history, labels
from serving.registry.config_file import ModelConfig, OpenConfig
from serving.registry.model import find_version, version_folders
from serving.registry.steps import steps

if TYPE_CHECKING:  # it imports TensorFlow
    from serving.registry.running_server import RunningServer


@dataclasses.dataclass(frozen=True)
class Target:
    """A model, and where its config is."""

    model_dir: pathlib.Path
    config: pathlib.Path
    name: str  # in the config, and so in requests
    base_path: str | None = None  # as the server sees the folder; None: as the config has it


@dataclasses.dataclass(frozen=True)
class Move:
    """A label's way to a version."""

    label: str
    version: int
    by: str  # the command
    keep_previous: bool = False  # the version that the label leaves stays loaded
    with_newest: bool = False  # the newest version is loaded too


def promote(
    target: Target,
    version: int,
    label: str,
    server: "RunningServer | None" = None,
    keep_previous: bool = False,
    with_newest: bool = False,
) -> list[str]:
    """Points a label at a version, and keeps loaded what has a label.

    Args:
        target: the model.
        version: one that is there.
        label: any name; a request may carry it.
        server: one that runs, and is led there.
        keep_previous: the version that the label leaves stays loaded.
        with_newest: the newest version is loaded too, and answers requests without a label.

    Returns:
        What was done, in lines for a person.

    Raises:
        InputError: no such version, the config cannot be changed, or the server refuses it.
    """
    _check_label(label)
    find_version(target.model_dir, version)
    with config_file.opened(target.config) as config:
        move = Move(label, version, "promote", keep_previous, with_newest)
        return _move(target, config, move, server)


def rollback(target: Target, label: str, server: "RunningServer | None" = None) -> list[str]:
    """Points a label at the version that it pointed at before.

    Raises:
        InputError: as of `promote`; or it pointed at nothing before, or that was pruned.
    """
    _check_label(label)
    with config_file.opened(target.config) as config:
        entry = config_file.find(config.proto, target.name)
        current = entry.version_labels.get(label) if entry else None
        version = history.before(config.path, target.name, label, current)
        folders = version_folders(target.model_dir)
        there = ", ".join(map(str, folders)) or "none"
        if version is None:
            raise InputError(
                f"{target.config}: nothing is known that the label {label} of {target.name} "
                f"pointed at before. Promote one of the versions: {there}."
            )
        if version not in folders:
            raise InputError(
                f"{target.model_dir}: version {version}, which the label {label} pointed at "
                f"before, is gone. Promote one of the versions: {there}."
            )
        return _move(target, config, Move(label, version, "rollback"), server)


def unlabel(target: Target, label: str, server: "RunningServer | None" = None) -> list[str]:
    """Takes a label away; the version that had it is no longer kept loaded.

    Raises:
        InputError: the model has no such label, or the config cannot be changed.
    """
    with config_file.opened(target.config) as config:
        entry = config_file.find(config.proto, target.name)
        if entry is None or label not in entry.version_labels:
            known = ", ".join(sorted(entry.version_labels)) if entry else ""
            raise InputError(
                f"{target.config}: {target.name} has no label {label}, expected one of: "
                f"{known or 'none'}."
            )
        previous = entry.version_labels[label]
        with steps(config, target.name, server) as step:
            labels.point(entry, label, None, labels.unlabelled(entry))
            step.take()
            history.add(config.path, target.name, label, None, previous, "unlabel")
        return [f"{target.name}: {label} is taken from version {previous}", *_state(config, entry)]


def load(target: Target, version: int, server: "RunningServer | None" = None) -> list[str]:
    """Has a version loaded beside those that are, without a label.

    Raises:
        InputError: no such version, the config cannot be changed, or the server refuses it.
    """
    find_version(target.model_dir, version)
    with config_file.opened(target.config) as config:
        with steps(config, target.name, server) as step:
            entry = _entry(target, config)
            _add_loaded(target, entry, version)
            step.take(loading=[version])
        return [f"{target.name}: version {version} is kept loaded", *_state(config, entry)]


def unload(target: Target, version: int, server: "RunningServer | None" = None) -> list[str]:
    """Takes back `load`: without a label the version is no longer kept loaded.

    Raises:
        InputError: a label points at it, or the config does not name it or cannot be changed.
    """
    with config_file.opened(target.config) as config:
        entry = config_file.find(config.proto, target.name) or config_file.ModelConfig()
        if version not in labels.unlabelled(entry):
            found = ", ".join(map(str, sorted(labels.unlabelled(entry)))) or "none"
            raise InputError(
                f"{target.config}: version {version} of {target.name} is not kept loaded without a "
                f"label, expected one of: {found}. `unlabel` takes a label away."
            )
        with steps(config, target.name, server) as step:
            labels.keep_loaded(entry, labels.named_versions(entry) - {version})
            step.take()
        return [f"{target.name}: version {version} is not kept loaded", *_state(config, entry)]


def _move(
    target: Target, config: OpenConfig, move: Move, server: "RunningServer | None"
) -> list[str]:
    label, version = move.label, move.version
    with steps(config, target.name, server) as step:
        entry = _entry(target, config)
        previous, also = entry.version_labels.get(label), labels.unlabelled(entry)
        was_loaded = version in labels.named_versions(entry)
        if move.keep_previous and previous is not None:
            also.add(previous)
        if move.with_newest:
            also.add(max(version_folders(target.model_dir)))
        if server:
            for number in {version, *also}:
                _add_loaded(target, entry, number)
            step.take(loading={version, *also})
        labels.point(entry, label, version, also)
        step.take()
        if previous != version:
            history.add(config.path, target.name, label, version, previous, move.by)
    came = f", before that at {previous}" if previous not in (None, version) else ""
    lines = [f"{target.name}: {label} points at version {version}{came}"]
    return [*lines, *_state(config, entry), *_advice(config, server, was_loaded, version)]


def _entry(target: Target, config: OpenConfig) -> ModelConfig:
    base_path = target.base_path or str(target.model_dir.resolve())
    entry = labels.entry_for(config.proto, target.name, base_path)
    if target.base_path:
        entry.base_path = target.base_path
    return entry


def _add_loaded(target: Target, entry: ModelConfig, version: int) -> None:
    """A version beside all that a server of this config has loaded now."""
    present = version_folders(target.model_dir)
    labels.keep_loaded(entry, {*labels.chosen(entry, present), *labels.named_versions(entry),
                               *entry.version_labels.values(), version})  # fmt: skip


def _state(config: OpenConfig, entry: ModelConfig) -> Iterator[str]:
    pairs = sorted(entry.version_labels.items())
    yield "labels: " + (", ".join(f"{label} {version}" for label, version in pairs) or "none")
    kind = entry.model_version_policy.WhichOneof("policy_choice") or "latest"
    numbers = ", ".join(map(str, sorted(labels.named_versions(entry))))
    yield f"loaded: {numbers if kind == 'specific' else f'by the policy {kind}'}"
    yield f"written to {config.path}"
    if config.backup:
        yield f"the file had comments, which this format loses: a copy is {config.backup}"


def _advice(config: OpenConfig, server: object, was_loaded: bool, version: int) -> Sequence[str]:
    if server or was_loaded:
        return ()
    return [
        f"A server that runs refuses this config as long as it has not loaded version {version}: "
        "name the server with --endpoint, or use `load` first and promote then. One that starts "
        "needs --allow_version_labels_for_unavailable_models."
    ]


def _check_label(label: str) -> None:
    if not label or set(label) & set("/:") or label != label.strip():
        raise InputError(
            f"--label {label!r}: expected a name without '/' and ':', such as stable or canary."
        )
