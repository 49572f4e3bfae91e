"""The files that `serving.client` writes: none replaces another, and each is whole or not there."""

import contextlib
import os
import pathlib
import stat
import sys
from collections.abc import Iterator
from typing import TextIO

from preprocessing.errors import InputError
from trainer.disk import put_in_place

STANDARD = "-"  # stdin or stdout


def check_all_differ(source: str, output: str, rejected: str | None) -> None:
    """Makes sure that no file is to be written over another one of the same command.

    Args:
        source: a file, a folder, or "-" for stdin, which may come from a file.
        output: a file, or "-" for stdout.
        rejected: the same; None for stderr.

    Raises:
        InputError: two are the same file, by whatever names.
    """
    taken = [("--input", source)]
    for flag, path in (("--output", output), ("--rejected", rejected)):
        if path is None or path == STANDARD:
            continue
        for other_flag, other in taken:
            if _is_same_file(path, other):
                raise InputError(
                    f"{flag} {path} is the same file as {other_flag} {other}, expected another. "
                    "Nothing was asked."
                )
        taken.append((flag, path))


def _is_same_file(path: str, other: str) -> bool:
    """Devices do not count: /dev/null may be named twice."""
    try:
        found = os.stat(path)
        other_found = os.fstat(sys.stdin.fileno()) if other == STANDARD else os.stat(other)
    except (OSError, ValueError):  # one is not there yet, or there is no stdin
        return other != STANDARD and os.path.realpath(path) == os.path.realpath(other)
    return stat.S_ISREG(found.st_mode) and os.path.samestat(found, other_found)


@contextlib.contextmanager
def written(flag: str, path: str | None) -> Iterator[TextIO]:
    """A file that has its name once it is whole; stdout for "-", stderr for None.

    A device or a pipe is written as it is.

    Args:
        flag: that names the file, for messages.
        path: a file, "-" or None.

    Raises:
        InputError: at once, if no such file can be made.
    """
    if path is None or path == STANDARD:
        yield sys.stderr if path is None else sys.stdout
        return
    place = pathlib.Path(path)
    if place.exists() and not place.is_file() and not place.is_dir():
        with _opened(flag, path, place) as file:
            yield file
        return
    unfinished = place.with_name(f".{place.name}.unfinished-{os.getpid()}")
    file = _opened(flag, path, unfinished)
    try:
        with file:
            yield file
        put_in_place(unfinished, place)
    finally:
        unfinished.unlink(missing_ok=True)


def _opened(flag: str, path: str, place: pathlib.Path) -> TextIO:
    if os.path.isdir(path) or path.endswith("/"):
        raise InputError(f"{flag} {path}: is a folder, expected a file. Nothing was asked.")
    try:
        return place.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(
            f"{flag} {path}: {error.strerror}, expected a file in a folder that is there and can "
            "be written. Nothing was asked."
        ) from error
