"""The flags of `python -m trainer`, made from the fields of a config."""

import argparse
import dataclasses
import typing
from typing import Any, TypedDict

from trainer.options import GROUPS, may_be_none, option_of, plain_type


def add_flags(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """Adds a flag for each field; one that is not given is absent from the parsed flags.

    A field that is true or false, or may be None, has a second one, `--no_name`.

    Args:
        parser: to add to.
        config: a dataclass whose fields are made by `options.option`.
    """
    hints = typing.get_type_hints(config)
    groups = {title: parser.add_argument_group(title) for title in GROUPS}
    for field in dataclasses.fields(config):
        _add_flag(groups[option_of(field).group], field, hints[field.name])


class _Given(TypedDict):
    default: str
    dest: str


def _add_flag(group: argparse._ArgumentGroup, field: "dataclasses.Field[Any]", hint: Any) -> None:
    name, text = f"--{field.name}", _help(field)
    given = _Given(default=argparse.SUPPRESS, dest=field.name)
    if hint is bool:
        group.add_argument(name, action="store_true", help=text, **given)
        _add_negation(group, field.name, False)
        return
    choices = option_of(field).choices or None
    group.add_argument(name, type=plain_type(hint), choices=choices, help=text, **given)
    if may_be_none(hint):
        _add_negation(group, field.name, None)


def _add_negation(group: argparse._ArgumentGroup, name: str, nothing: bool | None) -> None:
    """Adds `--no_name`, which `--help` mentions once for all."""
    given = _Given(default=argparse.SUPPRESS, dest=name)
    unlisted = argparse.SUPPRESS
    group.add_argument(f"--no_{name}", action="store_const", const=nothing, help=unlisted, **given)


def _help(field: "dataclasses.Field[Any]") -> str:
    text = option_of(field).text.replace("%", "%%")
    if field.default is dataclasses.MISSING:
        return f"{text} (required)"
    return text if field.default in (None, False) else f"{text} (default: {field.default})"
