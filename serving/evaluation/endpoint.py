"""A model on a server, asked over gRPC or REST."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from preprocessing import example_encoding as encoding
from preprocessing.errors import InputError
from serving.client import Client, Retries
from serving.errors import InvalidEndpoint, InvalidRequest, Overloaded, ServingError, Unavailable
from serving.evaluation.answers import COLUMNS, Answer, answers_of
from serving.evaluation.model import READER, TEXT_CLASSIFIER, of_labels
from serving.transport import ModelRef, Tls

_KINDS = {("text",): TEXT_CLASSIFIER, ("context", "question"): READER}
_RETRIES = Retries(attempts=6, longest_wait_s=10.0)  # a busy server is given time
# float32[batch, 20] and the like, as both transports and the export itself have them
_DTYPES = {"start": np.int32, "end": np.int32, "probability": np.float32, "null_odds": np.float32}


class EndpointModel:
    """See `EvaluatedModel`. A question is asked by both signatures: what is scored is what the
    server's default signature said. Every request names the version that the first one found, so
    that all answers are of one, whatever the server loads meanwhile.

    Args:
        endpoint: see `Client`.
        model: on the server.
        labels: of a classifier; () asks the server for them.
        requests: how many are under way at the same time.
        timeout_s: deadline of each.
        tls: see `Client`.

    Raises:
        InputError: no server answers, or its model is none of ours.
    """

    def __init__(
        self,
        endpoint: str,
        model: ModelRef,
        labels: tuple[str, ...],
        requests: int,
        timeout_s: float,
        tls: Tls | None = None,
    ):
        self.name, self.requests = f"{endpoint} {model}", requests
        try:
            self._client = Client(endpoint, timeout_s, batch_size=None, retries=_RETRIES, tls=tls)
        except (InvalidEndpoint, InvalidRequest) as error:
            raise InputError(str(error)) from error
        try:
            metadata = self._call(
                lambda: self._client.metadata(model.name, model.version, label=model.label)
            )
            self._model, self._version = model.name, metadata.version
            default = metadata.signatures.get("serving_default")
            inputs = tuple(sorted(default.inputs)) if default else ()
            if inputs not in _KINDS:
                raise InputError(
                    f"{self.name}: its inputs are {', '.join(inputs) or 'none'}, expected text, or "
                    "question and context. --model_name says which model on the server is meant."
                )
            self.kind = _KINDS[inputs]
            self.facts: Mapping[str, Any] = {"model": model.name, "version": metadata.version}
            if self.kind == TEXT_CLASSIFIER and not labels:
                labels = self._labels("classify" in metadata.signatures)
            self.labels = labels if self.kind == TEXT_CLASSIFIER else ()
        except InputError:
            self._client.close()
            raise

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """See `EvaluatedModel`."""
        return of_labels(self._predict({"text": texts}))

    def answers(self, questions: Sequence[str], contexts: Sequence[str]) -> list[Answer]:
        """See `EvaluatedModel`."""
        inputs = {"question": questions, "context": contexts}
        served = _arrays(self._predict(inputs))
        return answers_of(served, _arrays(self._predict(inputs, "nbest")))

    def close(self) -> None:
        """See `EvaluatedModel`."""
        self._client.close()

    def _labels(self, has_classify: bool) -> tuple[str, ...]:
        """From the signature that names them."""
        if not has_classify:
            return ("neg", "pos")
        # A serialized tf.Example with a short ASCII text is ASCII itself: it can go as a string.
        example = encoding.example(encoding.string("text", "a")).decode("ascii")
        return tuple(self._predict({"inputs": [example]}, "classify")["classes"][0])

    def _predict(self, inputs: Mapping[str, Sequence[str]], signature: str = "") -> dict[str, list]:
        return self._call(
            lambda: self._client.predict(self._model, inputs, signature or None, self._version)
        )

    def _call(self, call: Any) -> Any:
        try:
            return call()
        except Overloaded as error:
            raise InputError(f"{error}. Give less to do at once: --requests.") from error
        except Unavailable as error:
            raise InputError(
                f"{error}. Is a server running there? `python -m serving.server --help`."
            ) from error
        except ServingError as error:
            raise InputError(str(error)) from error


def _arrays(outputs: Mapping[str, list]) -> dict[str, np.ndarray]:
    return {
        alias: np.asarray(outputs[alias], _DTYPES.get(alias, object))
        for alias in (*COLUMNS, "null_odds")
    }
