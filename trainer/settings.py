"""The values of a run, and where each comes from: default, named run, file, or flag."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.config_file import near_match, read_config_file
from trainer.options import GROUPS, option_of
from trainer.runs import RUNS

DEFAULT, FLAG = "default", "flag"
BY_HARDWARE = "precision"  # the field whose default is decided once TensorFlow is there


@dataclasses.dataclass(frozen=True)
class Setting:
    """The value of a field, and its source: "default", "flag", or what `--config` names."""

    value: Any
    source: str


Settings = dict[str, Setting]  # by the names of the fields of `TrainConfig`


def resolve(configs: Sequence[str], flags: Mapping[str, Any]) -> Settings:
    """Lays the sources over each other: the defaults, each config in turn, the flags.

    Args:
        configs: names of runs and files.
        flags: those that were given; field -> value.

    Returns:
        All settings in the order of the fields, but those that nobody gives.

    Raises:
        InputError: a config is neither a named run nor a file, or the file cannot be right.
    """
    layers = [(DEFAULT, _defaults()), *((name, _values(name)) for name in configs), (FLAG, flags)]
    found = {
        name: Setting(value, source) for source, values in layers for name, value in values.items()
    }
    return {field.name: found[field.name] for field in _fields() if field.name in found}


def make_config(settings: Settings) -> TrainConfig:
    """The config of a run.

    Raises:
        InputError: fields without default are missing, or the values do not go together.
    """
    missing = [f"--{field.name}" for field in _fields() if field.name not in settings]
    if missing:
        raise InputError(
            f"{', '.join(missing)} not given, as flags or in a --config. `python -m trainer "
            "--help` lists the flags."
        )
    return TrainConfig(**{name: setting.value for name, setting in settings.items()})


def undecided(settings: Settings) -> set[str]:
    """The fields whose value is decided once TensorFlow is there."""
    return {BY_HARDWARE} if settings[BY_HARDWARE].source == DEFAULT else set()


def settings_text(settings: Settings) -> str:
    """The settings as YAML that `--config` reads, with their sources as comments.

    Whatever is not by default has its source behind it; what is missing is a comment.
    """
    lines = []
    for group in GROUPS:
        lines.append(f"# {group}")
        fields = [field for field in _fields() if option_of(field).group == group]
        lines += [_line(field, settings.get(field.name)) for field in fields]
    return "\n".join(lines)


def _line(field: "dataclasses.Field[Any]", setting: Setting | None) -> str:
    if setting is None:
        return f"# {field.name}: (required)"
    if field.name == BY_HARDWARE and setting.source == DEFAULT:
        return f"# {field.name}: (by the hardware)"
    text = yaml.safe_dump({field.name: setting.value}, width=float("inf"), allow_unicode=True)
    if setting.source == DEFAULT:
        return text.strip()
    return f"{text.strip():<40} # {setting.source}{_default_text(field, setting)}"


def _default_text(field: "dataclasses.Field[Any]", setting: Setting) -> str:
    is_fixed = field.default is not dataclasses.MISSING and field.name != BY_HARDWARE
    if not is_fixed or field.default == setting.value:
        return ""
    return f", by default {json.dumps(field.default)}"


def _fields() -> "tuple[dataclasses.Field[Any], ...]":
    return dataclasses.fields(TrainConfig)


def _defaults() -> dict[str, Any]:
    given = (field for field in _fields() if field.default is not dataclasses.MISSING)
    return {field.name: field.default for field in given}


def _values(config: str) -> Mapping[str, Any]:
    if config in RUNS:
        return RUNS[config].values
    path = pathlib.Path(config).expanduser()
    if path.exists():
        return read_config_file(path)
    raise InputError(
        f"--config is {config!r}, which is neither a file nor a named run. "
        f"{near_match(config, list(RUNS))}The named runs are {', '.join(RUNS)}."
    )
