"""What versions are measured on: `--evaluation_input`, and what it asks a model."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from preprocessing import files, rejected_fraction
from preprocessing.errors import InputError
from preprocessing.remote_files import scheme_of
from preprocessing.sources.labelled_text import Columns
from serving.evaluation.examples import AskedQuestion, Example, labels_in
from serving.evaluation.model import READER, TEXT_CLASSIFIER
from serving.evaluation.run import evaluate_version, select_for
from serving.evaluation.selection import Selection

_SPLIT = "test"  # of aclImdb


@dataclasses.dataclass(frozen=True)
class LabelledInput:
    """Labelled texts or questions, as the evaluation reads them."""

    path: str
    sha256: str  # of the file, or of all files in the folder
    columns: Columns = dataclasses.field(default_factory=Columns)
    max_rejected_fraction: float = rejected_fraction.DEFAULT  # that the figures may leave out

    def evaluate(self, version: pathlib.Path) -> dict[str, float | int]:
        """A version's figures on it."""
        return evaluate_version(
            version,
            self.path,
            columns=self.columns,
            max_rejected_fraction=self.max_rejected_fraction,
        )

    def describe(self) -> dict[str, Any]:
        """For the provenance: `path`, absolute, `sha256`, and `columns` that are no default."""
        path = self.path if scheme_of(self.path) else os.path.abspath(self.path)
        return {"path": path, "sha256": self.sha256} | self._columns()

    def is_that_of(self, described: Any) -> bool:
        """Whether a provenance describes the same input, wherever it lay."""
        mine = {"sha256": self.sha256} | self._columns()
        return isinstance(described, dict) and mine == {
            name: value for name, value in described.items() if name != "path"
        }

    def _columns(self) -> dict[str, Any]:
        names = ("text_column", "label_column", "id_column", "quotes")
        usual = Columns()
        others = {
            name: getattr(self.columns, name)
            for name in names
            if getattr(self.columns, name) != getattr(usual, name)
        }
        return {"columns": others} if others else {}


def labelled_input(
    path: str, columns: Columns, max_rejected_fraction: float = rejected_fraction.DEFAULT
) -> LabelledInput:
    """Raises InputError where there is nothing at the path, or the fraction is none."""
    rejected_fraction.check(max_rejected_fraction)
    if not files.exists(path):
        raise InputError(f"--evaluation_input {path}: no such file or folder.")
    return LabelledInput(path, files.sha256_of(path), columns, max_rejected_fraction)


@dataclasses.dataclass(frozen=True)
class Asked:
    """All that a labelled input asks a model."""

    texts: list[dict[str, bytes]]  # alias -> text
    is_v2: bool  # questions without an answer are among them


def read_asked(labelled: LabelledInput, task: str, labels: Sequence[str]) -> Asked:
    """Reads it once, before a model does.

    Args:
        labelled: the input.
        task: "imdb" or "squad".
        labels: of a classifier.

    Raises:
        InputError: it is not for this kind of model, has nothing to ask, or too much of it cannot
            be asked.
    """
    try:
        selection = _selection(labelled, task, tuple(labels))
    except InputError as error:
        text = str(error).removeprefix("--input ")
        raise InputError(f"--evaluation_input {text}") from error
    return Asked([_texts(example) for example in selection], selection.is_v2)


def _selection(labelled: LabelledInput, task: str, labels: tuple[str, ...]) -> Selection:
    is_reader = task == "squad"
    return select_for(
        READER if is_reader else TEXT_CLASSIFIER,
        () if is_reader else labels_in(labelled.path, labels),
        labelled.path,
        labelled.columns,
        split=_SPLIT,
        limit=None,
        max_rejected_fraction=labelled.max_rejected_fraction,
    )


def _texts(example: Example) -> dict[str, bytes]:
    if isinstance(example, AskedQuestion):
        return {"question": example.question.encode(), "context": example.context.encode()}
    return {"text": example.text.encode()}
