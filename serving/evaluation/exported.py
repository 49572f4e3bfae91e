"""An export, asked in this process through a TF1 Session, the way TF Serving runs it."""

import functools
import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from preprocessing import command_line
from preprocessing.errors import InputError
from serving import provenance
from serving.evaluation.answers import Answer, answers_of, difference, served_answers
from serving.evaluation.model import READER, TEXT_CLASSIFIER, of_labels

if TYPE_CHECKING:
    from serving.saved_model import Signatures

CHECK_EVERY = 64  # batches of questions: so often the default signature is asked, too


class ExportedModel:
    """See `EvaluatedModel`.

    The encoder runs once for a question: its served answer follows from `nbest` and the
    threshold. That this is what `serving_default` gives is checked on the first batch, and on
    every `CHECK_EVERY`th.
    """

    def __init__(self, version: pathlib.Path):
        """Raises InputError where it is no export."""
        found = provenance.read(version)
        run = found["run"]
        is_classifier = run["task"] == "imdb"
        self.name = str(version)
        self.kind = TEXT_CLASSIFIER if is_classifier else READER
        self.labels = tuple(run.get("labels") or ("neg", "pos")) if is_classifier else ()
        self.requests = 1  # one request takes all cores
        self.facts: Mapping[str, Any] = _facts(found, version.absolute())
        self._threshold = None if is_classifier else _threshold(found, version)
        self._calls = itertools.count()
        self._version = version

    @functools.cached_property
    def _run(self) -> "Signatures":
        """Loaded at the first call: bad input is found before TensorFlow is."""
        command_line.load_tensorflow()
        from serving.saved_model import load_in_session

        return load_in_session(self._version)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """See `EvaluatedModel`."""
        return of_labels(self._run("serving_default", {"text": texts}))

    def answers(self, questions: Sequence[str], contexts: Sequence[str]) -> list[Answer]:
        """See `EvaluatedModel`.

        Raises:
            InputError: what `nbest` gives is not what is served.
        """
        inputs = {"question": questions, "context": contexts}
        table = self._run("nbest", inputs)
        served = served_answers(table, self._threshold)
        if next(self._calls) % CHECK_EVERY == 0:
            found = difference(served, self._run("serving_default", inputs))
            if found:
                raise InputError(f"{self.name}: {found}: the export contradicts itself.")
        return answers_of(served, table)

    def close(self) -> None:
        """See `EvaluatedModel`."""


def _threshold(found: Mapping[str, Any], version: pathlib.Path) -> float | None:
    """Without it nobody can tell which answers of `nbest` are served."""
    name = "null_score_diff_threshold"
    value = found.get(name, "absent")
    if value is None or isinstance(value, int | float):
        return value
    raise InputError(
        f"{version / provenance.PROVENANCE_FILE}: {name} is {value}, expected a number, or null "
        "for a model that always answers. Export the run again."
    )


def _facts(found: Mapping[str, Any], version: pathlib.Path) -> dict[str, Any]:
    run = found["run"]
    return {
        "model": version.parent.name,
        "version": version.name,
        "dtype": found.get("dtype"),
        "run_dir": found.get("run_dir"),
        "preset": run.get("preset"),
        "data_digest": run.get("data_digest"),
        "vocabulary_sha256": run.get("vocabulary_sha256"),
        "parameters": run.get("parameters"),
        "epoch": (found.get("epoch") or {}).get("epoch"),
        "null_score_diff_threshold": found.get("null_score_diff_threshold"),
        "versions": found.get("versions"),
    }
