"""A run's values in a YAML or JSON file, each checked as its flag would be."""

import dataclasses
import difflib
import json
import pathlib
import re
import typing
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from preprocessing.errors import InputError
from trainer.config import RUN_FACTS, TrainConfig
from trainer.options import check_option, may_be_none, plain_type

EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclasses.dataclass(frozen=True)
class _Entry:
    place: str  # the file, and the line where the format tells it
    key: str
    value: Any
    parse: Callable[[str], Any]  # a value's text in the file, as the format has it


class _Loader(yaml.SafeLoader):
    """YAML 1.1, in which 5e-5 is text, with the floats of YAML 1.2 (section 10.3.2)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_config_file(path: pathlib.Path) -> dict[str, Any]:
    """Reads values of fields of `TrainConfig`; those that a run's config.json adds are left out.

    Args:
        path: of a mapping in a .yaml, .yml or .json file.

    Returns:
        Field -> value, of the field's type.

    Raises:
        InputError: the file cannot be read, or has an unknown or a repeated key, or a value that
            cannot be right: naming the key, and the line in YAML.
    """
    values: dict[str, Any] = {}
    for entry in _entries(path):
        if entry.key in RUN_FACTS:
            continue
        if entry.key in values:
            raise _repeated(entry.place, entry.key)
        values[entry.key] = _checked(entry)
    return values


def near_match(name: str, known: Sequence[str]) -> str:
    """A question such as "Did you mean epochs? ", empty when no known name is near."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]}? " if close else ""


def _entries(path: pathlib.Path) -> list[_Entry]:
    readers = {".yaml": _yaml_entries, ".yml": _yaml_entries, ".json": _json_entries}
    if path.suffix.lower() not in readers:
        raise InputError(f"--config {path}: expected a file named *.yaml, *.yml or *.json.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--config {path}: cannot be read ({error}). Expected a file of UTF-8 text."
        ) from error
    return readers[path.suffix.lower()](path, text)


def _yaml_entries(path: pathlib.Path, text: str) -> list[_Entry]:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode):
            return [_yaml_entry(path, loader, key, value) for key, value in node.value]
        found = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise _broken(place, f"{error.context or ''} {error.problem}", "YAML") from error
    except (yaml.YAMLError, ValueError) as error:  # a character, or a date, that there is not
        raise _broken(str(path), str(error), "YAML") from error
    raise _no_mapping(path, found)


def _yaml_entry(
    path: pathlib.Path, loader: yaml.SafeLoader, key: yaml.Node, value: yaml.Node
) -> _Entry:
    place = f"{path}, line {key.start_mark.line + 1}"
    name = key.value if isinstance(key, yaml.ScalarNode) else key.tag
    return _Entry(place, name, loader.construct_object(value, deep=True), _yaml_value)


def _yaml_value(text: str) -> Any:
    return _Loader(text).get_single_data()


def _json_entries(path: pathlib.Path, text: str) -> list[_Entry]:
    def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for index, (key, _) in enumerate(pairs):
            if key in dict(pairs[:index]):
                raise _repeated(str(path), key)
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=unrepeated)
    except json.JSONDecodeError as error:
        raise _broken(f"{path}, line {error.lineno}", error.msg, "JSON") from error
    if not isinstance(content, dict):
        raise _no_mapping(path, content)
    return [_Entry(str(path), key, value, json.loads) for key, value in content.items()]


def _checked(entry: _Entry) -> Any:
    fields = {field.name: field for field in dataclasses.fields(TrainConfig)}
    if entry.key not in fields:
        raise InputError(
            f"{entry.place}: there is no {entry.key!r} in the config of a run. "
            f"{near_match(entry.key, list(fields))}`python -m trainer --help` lists the names."
        )
    value = _of_type(entry, typing.get_type_hints(TrainConfig)[entry.key])
    try:
        check_option(fields[entry.key], value)
    except InputError as error:
        raise InputError(f"{entry.place}: {str(error).removeprefix('--')}") from None
    return value


def _of_type(entry: _Entry, hint: Any) -> Any:
    plain, value = plain_type(hint), entry.value
    if value is None and may_be_none(hint):
        return None
    if _fits(plain, value):
        return plain(value)
    raise InputError(
        f"{entry.place}: {entry.key} is {_shown(value)}, expected {EXPECTED[plain]}."
        f"{_fix(plain, entry)}"
    )


def _fits(plain: type, value: Any) -> bool:
    return type(value) is plain or (plain is float and type(value) is int)  # True is no number


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, skipkeys=True)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _fix(plain: type, entry: _Entry) -> str:
    value = entry.value
    if value is None:
        return " Leave it out for the default."
    if isinstance(value, str):
        return " Write it without quotes." if _fits_unquoted(plain, entry) else ""
    return " Write it in quotes." if plain is str and not isinstance(value, list | dict) else ""


def _fits_unquoted(plain: type, entry: _Entry) -> bool:
    try:
        return _fits(plain, entry.parse(entry.value))
    except (yaml.YAMLError, ValueError):  # not a value at all
        return False


def _repeated(place: str, key: str) -> InputError:
    return InputError(f"{place}: {key} is there twice. Leave one of them.")


def _no_mapping(path: pathlib.Path, found: Any) -> InputError:
    content = "it is empty" if found is None else f"it holds {_shown(found)}"
    return InputError(
        f"{path}: {content}, expected names with values, such as `epochs: 2` in YAML or "
        '{"epochs": 2} in JSON.'
    )


def _broken(place: str, reason: str, kind: str) -> InputError:
    return InputError(f"{place}: cannot be read as {kind}: {' '.join(reason.split())}.")
