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

LAST = "metrics.json"  # put in place after all others: what it says holds for them
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
    LAST,
)
COMPARISON = ("comparison.json", "changed.jsonl", "comparison.md", "comparison.html")


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

    Raises:
        InputError: it cannot be written to.
    """
    try:
        if output_dir is not None:
            output_dir.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=output_dir))
    except OSError as error:
        raise InputError(
            f"--output_dir {output_dir}: cannot write there ({error.strerror}), expected a folder."
        ) from error
    files = OutputFiles(folder)
    try:
        yield files
        files.close()
        if output_dir is not None:
            _put_in_place(folder, output_dir, names)
    finally:
        files.close()
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(folder: pathlib.Path, output_dir: pathlib.Path, names: Sequence[str]) -> None:
    for name in names:
        if not (folder / name).exists():
            (output_dir / name).unlink(missing_ok=True)
    for path in sorted(folder.iterdir(), key=lambda path: path.name == LAST):
        os.replace(path, output_dir / path.name)
