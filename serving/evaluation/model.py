"""What is evaluated: something that answers batches of texts or of questions."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from serving.evaluation.answers import Answer

TEXT_CLASSIFIER, READER = "text classifier", "question answering"


class EvaluatedModel(Protocol):
    """An export in this process, or a model on a server.

    Attributes:
        name: its path, or its address and name.
        kind: TEXT_CLASSIFIER or READER.
        labels: of a classifier, in the order of their numbers; () of a reader.
        requests: how many batches it answers at the same time.
        facts: what is known of where it comes from.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    requests: int
    facts: Mapping[str, Any]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Of each label for each text: float64[texts, labels], with the values of float32."""

    def answers(self, questions: Sequence[str], contexts: Sequence[str]) -> list[Answer]:
        """Of each question from the context at the same place."""

    def close(self) -> None:
        """Gives back what it holds."""


def of_labels(outputs: Mapping[str, Any]) -> np.ndarray:
    """The probabilities of all labels from the outputs of a classifier's default signature."""
    if "probabilities" in outputs:
        return np.asarray(outputs["probabilities"], np.float32).astype(np.float64)
    positive = np.asarray(outputs["probability"], np.float32).astype(np.float64)
    return np.stack([1.0 - positive, positive], axis=1)
