"""How a field of a config declares its flag: group, help text, check. Imports no TensorFlow."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from typing import Any

from preprocessing.errors import InputError

Check = Callable[[str, Any], None]  # (name of the flag, value); raises InputError
GROUPS = ("run", "data", "model", "optimizer", "machine")
_FLAG = "flag"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """What a field says of its flag.

    Attributes:
        group: the heading under which `--help` lists it, one of `GROUPS`.
        text: its help.
        choices: the values that it takes, or () for any.
        check: of its value, None excepted.
        shapes_result: False for where and how often: a run may go on with another value.
    """

    group: str
    text: str
    choices: tuple[str, ...] = ()
    check: Check | None = None
    shapes_result: bool = True


def option(
    group: str,
    text: str,
    default: Any = dataclasses.MISSING,
    *,
    choices: tuple[str, ...] = (),
    check: Check | None = None,
    shapes_result: bool = True,
) -> Any:
    """A dataclass field with its `Option`."""
    described = Option(
        group=group, text=text, choices=choices, check=check, shapes_result=shapes_result
    )
    return dataclasses.field(default=default, metadata={_FLAG: described})


def option_of(field: "dataclasses.Field[Any]") -> Option:
    """The `Option` that `option` gave a field."""
    described: Option = field.metadata[_FLAG]
    return described


def check_options(config: Any) -> None:
    """Checks every field of a config by its own option.

    Raises:
        InputError: naming the flag, the value and what was expected.
    """
    for field in dataclasses.fields(config):
        check_option(field, getattr(config, field.name))


def check_option(field: "dataclasses.Field[Any]", value: Any) -> None:
    """Checks the value of one field by its option; None is no value.

    Raises:
        InputError: naming the flag, the value and what was expected.
    """
    described = option_of(field)
    if value is None:
        return
    if described.choices and value not in described.choices:
        expected = ", ".join(described.choices)
        raise InputError(f"--{field.name} is {value!r}, expected one of {expected}.")
    if described.check:
        described.check(field.name, value)


def may_be_none(hint: Any) -> bool:
    """Whether a field's type is `int | None` or the like."""
    return isinstance(hint, types.UnionType)


def plain_type(hint: Any) -> type:
    """`int` of `int` and of `int | None`."""
    if may_be_none(hint):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast(type, hint)


def at_least(least: int) -> Check:
    """A whole number that is not smaller."""

    def check(flag: str, value: int) -> None:
        if value < least:
            raise InputError(f"--{flag} is {value}, expected a whole number of at least {least}.")

    return check


def share(flag: str, value: float) -> None:
    """A number in [0, 1)."""
    if not 0.0 <= value < 1.0:
        raise InputError(f"--{flag} is {value}, expected a share in [0, 1).")


def between(low: float, high: float, example: str, *, low_included: bool = False) -> Check:
    """A finite number in (low, high), or [low, high)."""

    def check(flag: str, value: float) -> None:
        inside = low <= value < high if low_included else low < value < high
        if not (inside and math.isfinite(value)):
            bracket = "[" if low_included else "("
            raise InputError(
                f"--{flag} is {value}, expected a number in {bracket}{low:g}, {high:g}), such as "
                f"{example}."
            )

    return check
