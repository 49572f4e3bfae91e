"""`labels.jsonl` beside the model config: where each label pointed, so that it can go back.

A line is one change of one label in one config: several configs in a folder share the file. Lines
are only ever added.
"""

import datetime
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from preprocessing.errors import InputError

FILE = "labels.jsonl"


def add(
    config: pathlib.Path, model: str, label: str, version: int | None, previous: int | None, by: str
) -> None:
    """Notes a change that the config file has just got.

    Args:
        config: the config's file; the history lies beside it.
        model: its name.
        label: which changed.
        version: what it points at now; None for nothing.
        previous: what it pointed at before.
        by: the command: "promote", "rollback" or "unlabel".

    Raises:
        InputError: it cannot be written.
    """
    time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    entry = {
        "time": time, "config": config.name, "model": model, "label": label, "version": version,
        "previous": previous, "by": by,
    }  # fmt: skip
    path = config.with_name(FILE)
    try:
        _append(path, json.dumps(entry, ensure_ascii=False))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}), expected JSON lines of earlier changes "
            "or no file. Make room, or make it writable."
        ) from error


def _append(path: pathlib.Path, line: str) -> None:
    # A write that was cut off left no line end: this one must not be glued to it.
    start = "" if _ends_a_line(path) else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{start}{line}\n")
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(path: pathlib.Path) -> bool:
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def before(config: pathlib.Path, model: str, label: str, current: int | None) -> int | None:
    """The version that a label in a config pointed at before it came to `current`; None for none.

    A rollback takes back the last change, a second one the change before that: it does not go
    forth and back between two versions. A change by hand counts as one by promotion.
    """
    places: list[int | None] = []
    for entry in _entries(config, model, label):
        if not places or places[-1] != entry["previous"]:
            places.append(entry["previous"])
        if entry["by"] == "rollback":
            _go_back(places, entry["version"])
        else:
            places.append(entry["version"])
    if not places or places[-1] != current:
        places.append(current)
    earlier = [place for place in places[:-1] if place is not None and place != current]
    return earlier[-1] if earlier else None


def _go_back(places: list[int | None], version: int | None) -> None:
    while places and places[-1] != version:
        places.pop()
    if not places:
        places.append(version)


def _entries(config: pathlib.Path, model: str, label: str) -> Iterator[dict[str, Any]]:
    path = config.with_name(FILE)
    wanted = {"config": config.name, "model": model, "label": label}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}), expected JSON lines.") from error
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a write that was cut off
        if all(entry.get(name) == value for name, value in wanted.items()):
            yield entry
