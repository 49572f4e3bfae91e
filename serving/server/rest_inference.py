"""REST predict, classify and regress: a body in, the body of the answer out.

API page, sections 4.4 to 4.6.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tensorflow_serving.apis import model_pb2

from serving.server import (
    examples,
    json_answers,
    json_examples,
    json_reader,
    json_tensors,
    prediction,
)
from serving.server.classification import Classifier
from serving.server.examples import Asking
from serving.server.json_values import format_error
from serving.server.loader import LoadedModel
from serving.server.manager import ModelManager
from serving.server.observation import current
from serving.server.regression import Regressor
from serving.server.status import invalid_argument

_OF_EXAMPLES: Mapping[str, tuple[Callable, Callable]] = {
    "classify": (Classifier, json_answers.classifications),
    "regress": (Regressor, json_answers.regressions),
}


class RestInference:
    """Answers the bodies that come to a model's `:predict`, `:classify` and `:regress`."""

    def __init__(self, manager: ModelManager, check_method_name: bool):
        self._manager, self._check_method_name = manager, check_method_name

    def answer(self, method: str, spec: model_pb2.ModelSpec, body: bytes, deadline: float) -> bytes:
        """The answer's JSON.

        Args:
            method: "predict", "classify" or "regress".
            spec: the model, and its version or label.
            body: the request's JSON.
            deadline: of the model's run, in `time.monotonic` seconds.

        Raises:
            StatusError: the request cannot be answered.
        """
        document = _read(body)
        if method == "predict":
            return self._predict(spec, document, deadline)
        return self._of_examples(method, spec, document, deadline)

    def _predict(
        self, spec: model_pb2.ModelSpec, document: Mapping[str, Any], deadline: float
    ) -> bytes:
        signature_name = _signature_name(document)
        with prediction.resolve(self._manager, spec) as servable:
            model = servable.loaded_model
            name = _known(model, signature_name)
            inputs = model.signatures[name].inputs
            arrays, in_rows = json_tensors.from_request(document, inputs, signature_name)
            outputs = prediction.run_signature(
                model, name, sorted(arrays), arrays.__getitem__, timeout_s=_until(deadline)
            )
        write = json_answers.predictions if in_rows else json_answers.outputs_object
        return write(outputs)

    def _of_examples(
        self, method: str, spec: model_pb2.ModelSpec, document: Mapping[str, Any], deadline: float
    ) -> bytes:
        task, write = _OF_EXAMPLES[method]
        signature_name = _signature_name(document)
        given = json_examples.from_request(document)
        with prediction.resolve(self._manager, spec) as servable:
            how = Asking(signature_name, _until(deadline), self._check_method_name)
            answer = examples.ask(servable.loaded_model, task, given, how)
        return write(answer)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        document = json_reader.read(body)
    except json_reader.JsonParseError as error:
        raise invalid_argument(str(error)) from None
    if not isinstance(document, dict):
        raise format_error(document, "Is not object")
    return document


def _signature_name(document: Mapping[str, Any]) -> str:
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise format_error(
            document, "not formatted correctly. 'signature_name' key must be a string value."
        )
    # The log takes UTF-8 alone.
    current().signature = (name or prediction.DEFAULT_SIGNATURE).encode("utf-8", "replace").decode()
    return name


def _known(model: LoadedModel, signature_name: str) -> str:
    name = signature_name or prediction.DEFAULT_SIGNATURE
    if name not in model.signatures:
        raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
    return name


def _until(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.0)
