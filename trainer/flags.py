"""The flags of `python -m trainer`, made from the fields of a config."""

import argparse
import dataclasses
import types
import typing
from typing import Any

from trainer.options import option_of

_TITLES = ("run", "model", "optimizer", "machine")


def add_flags(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    """Adds a flag for each field; one that is not given is absent from the parsed flags.

    Args:
        parser: to add to.
        config: a dataclass whose fields are made by `options.option`.
    """
    hints = typing.get_type_hints(config)
    groups = {title: parser.add_argument_group(title) for title in _TITLES}
    for field in dataclasses.fields(config):
        described = option_of(field)
        given: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(field)}
        if hints[field.name] is bool:
            given |= {"action": argparse.BooleanOptionalAction}
        else:
            given |= {"type": _plain(hints[field.name]), "choices": described.choices or None}
        groups[described.group].add_argument(f"--{field.name}", **given)


def _help(field: "dataclasses.Field[Any]") -> str:
    text = option_of(field).text.replace("%", "%%")
    if field.default is dataclasses.MISSING:
        return f"{text} (required)"
    return text if field.default in (None, False) else f"{text} (default: {field.default})"


def _plain(hint: Any) -> type:
    """`int` of `int | None`."""
    if isinstance(hint, types.UnionType):
        (plain,) = (part for part in typing.get_args(hint) if part is not type(None))
        return typing.cast(type, plain)
    return typing.cast(type, hint)
