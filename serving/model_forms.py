"""The two forms of a trained model: the graph that is served, and the trainer's own."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from serving.saved_graph import save
from serving.warmup_requests import Request

if TYPE_CHECKING:
    from serving.signatures import QuestionAnswering, Sentiment, TextClassifier
    from trainer.run_dir import Run


@dataclasses.dataclass(frozen=True)
class ModelForms:
    """A run, and how it is to be served."""

    run: "Run"
    null_score_diff_threshold: float | None
    dtype: str  # of the served graph

    @property
    def task(self) -> str:
        """ "imdb" or "squad"."""
        return self.run.config["task"]

    def save(self, folder: pathlib.Path, dtype: str | None = None) -> None:
        """Writes the served form; `dtype` in place of its own."""
        from serving.frozen import served_module

        module = served_module(self.run, self.null_score_diff_threshold, dtype=dtype or self.dtype)
        save(module, folder)

    def trainers(self) -> "TrainersModel":
        """The trainer's form, in float32."""
        from serving.frozen import served_module

        module = served_module(self.run, self.null_score_diff_threshold, through_keras=True)
        return TrainersModel(module)


class TrainersModel:
    """Asks the trainer's model in this process, by the signatures of the export."""

    def __init__(self, module: "Sentiment | TextClassifier | QuestionAnswering"):
        self._module = module  # its functions do not keep it alive
        self._functions = module.signatures()

    def __call__(
        self, signature: str, inputs: Mapping[str, Sequence[bytes]]
    ) -> dict[str, np.ndarray]:
        """Answers a batch: alias -> array."""
        import tensorflow as tf

        # By place: an input's alias is not always the name of the function's argument.
        outputs = self._functions[signature](*(tf.constant(list(v)) for v in inputs.values()))
        return {alias: tensor.numpy() for alias, tensor in outputs.items()}

    def answers(self, requests: Sequence[Request]) -> list[dict[str, np.ndarray]]:
        """The answers of each request."""
        return [self(request.signature, request.inputs) for request in requests]
