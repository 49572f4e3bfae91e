"""Labels of versions: reading them, and what a change of one makes of a model's config."""

import pathlib
from collections.abc import Iterable, Sequence

from serving.registry import config_file
from serving.registry.config_file import ModelConfig, ModelServerConfig


def labels_of(
    model_dir: pathlib.Path, config: pathlib.Path | None = None, name: str | None = None
) -> dict[str, int]:
    """Label -> version of a model; {} where no config names it.

    Args:
        model_dir: the model's folder.
        config: the config's file; by default `models.config` beside the folder.
        name: of the model; by default the folder's.

    Raises:
        InputError: the config cannot be read.
    """
    proto = config_file.read(config or config_file.default_path(model_dir))
    entry = config_file.find(proto, name or model_dir.resolve().name)
    return dict(entry.version_labels) if entry else {}


def entry_for(proto: ModelServerConfig, name: str, base_path: str) -> ModelConfig:
    """A model's entry, which is added if there is none."""
    entry = config_file.find(proto, name)
    if entry is None:
        entry = proto.model_config_list.config.add(
            name=name, base_path=base_path, model_platform="tensorflow"
        )
    return entry


def entries_on(
    proto: ModelServerConfig, name: str, model_dir: pathlib.Path
) -> Sequence[ModelConfig]:
    """All entries that a server may serve a folder by: one folder can have several names.

    A base path counts by its last part, as a container sees the folder under another parent.

    Args:
        proto: the config.
        name: of the model; an entry with it counts whatever its base path.
        model_dir: the model's folder.
    """
    folder = model_dir.resolve().name
    return [
        one
        for one in proto.model_config_list.config
        if one.name == name or one.base_path.rstrip("/").rpartition("/")[2] == folder
    ]


def named_versions(entry: ModelConfig) -> set[int]:
    """The versions that the config keeps loaded by name."""
    return set(entry.model_version_policy.specific.versions)


def keep_loaded(entry: ModelConfig, versions: Iterable[int]) -> None:
    """Has a server load just these versions; by its own rule, the newest, if there are none.

    A policy that loads all versions loads these too, and stays as it is.
    """
    policy = entry.model_version_policy
    kind = policy.WhichOneof("policy_choice")
    numbers = sorted(set(versions))
    if kind == "all" or (kind == "latest" and not numbers):
        return
    if not numbers:
        entry.ClearField("model_version_policy")
        return
    policy.specific.ClearField("versions")
    policy.specific.versions.extend(numbers)


def chosen(entry: ModelConfig, present: Iterable[int]) -> set[int]:
    """The versions that a server loads out of those on disk."""
    policy = entry.model_version_policy
    kind = policy.WhichOneof("policy_choice") or "latest"
    if kind == "all":
        return set(present)
    if kind == "specific":
        return named_versions(entry) & set(present)
    return set(sorted(present)[-(policy.latest.num_versions or 1) :])


def unlabelled(entry: ModelConfig) -> set[int]:
    """The versions that the config keeps loaded by name, though no label points at them."""
    return named_versions(entry) - set(entry.version_labels.values())


def point(entry: ModelConfig, label: str, version: int | None, also_loaded: Iterable[int]) -> None:
    """Points a label at a version, or takes it away (None).

    Args:
        entry: the model's.
        label: any name.
        version: where to.
        also_loaded: what stays loaded besides the versions with a label.
    """
    if version is None:
        entry.version_labels.pop(label, None)
    else:
        entry.version_labels[label] = version
    keep_loaded(entry, {*entry.version_labels.values(), *also_loaded})
