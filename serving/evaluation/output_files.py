"""The files of an evaluation: written beside what is there, and put in its place at the end."""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from preprocessing.errors import InputError
from preprocessing.file_lock import open_locked

METRICS = "metrics.json"  # the last one: what it says holds for the others
_UNFINISHED = ".unfinished-"
_LOCK_FILE = ".evaluation-lock"
EVALUATION = (
    "predictions.json",
    "nbest_predictions.json",
    "null_odds.json",
    "span_predictions.json",
    "examples.jsonl",
    "details.json",
    "evaluation.json",
    "report.md",
    "report.html",
    "reliability.png",
    "slices.png",
    METRICS,
)
COMPARISON = ("changed.jsonl", "comparison.md", "comparison.html", "comparison.json")


class OutputFiles:
    """A folder to write to while a model is asked; nothing in it is seen until `publish`."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._open = contextlib.ExitStack()

    def json(self, name: str, content: Any) -> None:
        """Writes `<name>.json`."""
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (self.folder / f"{name}.json").write_text(text, encoding="utf-8")

    def text(self, name: str, content: str) -> None:
        """Writes a file of that name."""
        (self.folder / name).write_text(content, encoding="utf-8")

    def object(self, name: str) -> "JsonObject":
        """Opens `<name>.json`, one object whose entries come one by one."""
        return JsonObject(self._file(f"{name}.json"))

    def lines(self, name: str) -> "JsonLines":
        """Opens `<name>.jsonl`, one object a line."""
        return JsonLines(self._file(f"{name}.jsonl"))

    def close(self) -> None:
        """Writes what is still held."""
        self._open.close()

    def _file(self, name: str) -> TextIO:
        return self._open.enter_context((self.folder / name).open("w", encoding="utf-8"))


class JsonObject:
    """An object as `json.dumps` with an indent writes it."""

    def __init__(self, file: TextIO):
        self._file, self._before = file, "{"

    def add(self, key: str, value: Any) -> None:
        """Writes an entry."""
        text = json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        self._file.write(f"{self._before}\n  {json.dumps(key, ensure_ascii=False)}: {text}")
        self._before = ","

    def end(self) -> None:
        """Writes the end of the object, and the file whole."""
        self._file.write("{}\n" if self._before == "{" else "\n}\n")
        self._file.close()


class JsonLines:
    """Objects, one a line."""

    def __init__(self, file: TextIO):
        self._file = file

    def add(self, entry: dict[str, Any]) -> None:
        """Writes a line."""
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def end(self) -> None:
        """Writes the file whole."""
        self._file.close()


@contextlib.contextmanager
def output_files(output_dir: pathlib.Path | None, names: Sequence[str]) -> Iterator[OutputFiles]:
    """Files that are in `output_dir` after the block, or as before if the block fails.

    Args:
        output_dir: made if it is not there. None: nothing is kept.
        names: of all files that may be written: those of an earlier run are replaced or removed.
            The last one is removed first and comes last: as long as it is there, all are of one
            run, whenever a process is killed.

    Raises:
        InputError: it cannot be written to, or another process is writing to it.
    """
    if output_dir is None:
        with tempfile.TemporaryDirectory() as folder, _closing(folder) as files:
            yield files
        return
    with (
        _only_writer(output_dir),
        tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=output_dir) as folder,
    ):
        with _closing(folder) as files:
            yield files
        _put_in_place(pathlib.Path(folder), output_dir, names)


@contextlib.contextmanager
def _closing(folder: str) -> Iterator[OutputFiles]:
    files = OutputFiles(pathlib.Path(folder))
    try:
        yield files
    finally:
        files.close()


@contextlib.contextmanager
def _only_writer(output_dir: pathlib.Path) -> Iterator[None]:
    """Locks a folder, and removes what killed processes left in it."""
    lock = output_dir / _LOCK_FILE
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        descriptor = open_locked(str(lock))
    except BlockingIOError:
        raise InputError(
            f"--output_dir {output_dir}: another evaluation or comparison is writing to it. Wait "
            "for that one, or name another folder."
        ) from None
    except OSError as error:
        raise InputError(
            f"--output_dir {output_dir}: cannot write there ({error.strerror}), expected a folder."
        ) from error
    try:
        for folder in output_dir.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _put_in_place(folder: pathlib.Path, output_dir: pathlib.Path, names: Sequence[str]) -> None:
    *others, last = names
    (output_dir / last).unlink(missing_ok=True)
    for name in others:
        if (folder / name).exists():
            os.replace(folder / name, output_dir / name)
        else:
            (output_dir / name).unlink(missing_ok=True)
    os.replace(folder / last, output_dir / last)
