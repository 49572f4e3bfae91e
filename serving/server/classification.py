"""Classify: labels and scores of tf.Examples (API page, section 2.3)."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2

from serving.server import examples
from serving.server.examples import Asking
from serving.server.manager import ModelManager
from serving.server.prediction import effective_spec, resolve, spec_of
from serving.server.status import Code, StatusError, invalid_argument
from serving.server.tensors import shape_text, type_enum_name

METHOD = "tensorflow/serving/classify"
_CLASSES, _SCORES = "classes", "scores"
_DTYPES = {_CLASSES: "DT_STRING", _SCORES: "DT_FLOAT"}


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of each example."""

    labels: np.ndarray  # bytes[examples, classes]; empty where the signature has none
    scores: np.ndarray  # float32[examples, classes]; 0 where the signature has none


class Classifier:
    """A signature as Classify reads it.

    Raises (on construction):
        StatusError: it is none.
    """

    def __init__(self, signature: meta_graph_pb2.SignatureDef, check_method_name: bool = False):
        if check_method_name:
            examples.check_method_name(signature, "classification", METHOD)
        examples.check_one_input(signature)
        count = len(signature.outputs)
        if count not in (1, 2):
            raise invalid_argument(f"Expected one or two output Tensors, found {count}")
        self.input_name = examples.input_name(signature, "classification")
        self._names = {
            alias: signature.outputs[alias].name for alias in _DTYPES if alias in signature.outputs
        }
        if not self._names:
            raise invalid_argument(
                "Expected classification signature outputs to contain at least one of "
                f'"{_CLASSES}" or "{_SCORES}". Signature was: {signature}'
            )
        self.output_names = list(self._names.values())

    def read(self, outputs: Mapping[str, np.ndarray], num_examples: int) -> Classes:
        """The classes among the outputs of a run; raises StatusError when they do not fit."""
        found = {alias: outputs[name] for alias, name in self._names.items()}
        for alias, array in found.items():
            _check(alias, array, num_examples)
        labels, scores = found.get(_CLASSES), found.get(_SCORES)
        if labels is None:
            labels = np.full(found[_SCORES].shape, b"", object)
        if scores is None:
            scores = np.zeros(labels.shape, np.float32)
        if labels.shape != scores.shape:
            raise invalid_argument(
                "Tensors class and score should match in dim_size(1). Got "
                f"{labels.shape[1]} vs. {scores.shape[1]}"
            )
        return Classes(labels, scores)


def _check(alias: str, array: np.ndarray, num_examples: int) -> None:
    if array.ndim != 2:
        raise invalid_argument(
            f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(array.shape)}"
        )
    dtype = type_enum_name(array)
    if dtype != _DTYPES[alias]:
        raise invalid_argument(f"Expected {alias} Tensor of {_DTYPES[alias]}. Got: {dtype}")
    if len(array) != num_examples:
        raise invalid_argument(
            f"Expected {alias} output batch size of {num_examples}. Got: {len(array)}"
        )


def classify(
    manager: ModelManager,
    request: classification_pb2.ClassificationRequest,
    timeout_s: float | None = None,
    check_method_name: bool = False,
) -> classification_pb2.ClassificationResponse:
    """Classify.

    Raises:
        StatusError: the request cannot be answered.
    """
    with resolve(manager, spec_of(request)) as servable:
        how = Asking(request.model_spec.signature_name, timeout_s, check_method_name)
        classes = examples.ask(servable.loaded_model, Classifier, request.input, how)
        return classification_pb2.ClassificationResponse(
            result=to_proto(classes),
            model_spec=effective_spec(request.model_spec, servable.version),
        )


def to_proto(classes: Classes) -> classification_pb2.ClassificationResult:
    """The message; raises StatusError for a label that is no UTF-8, which it cannot hold."""
    result = classification_pb2.ClassificationResult()
    for labels, scores in zip(classes.labels.tolist(), classes.scores.tolist(), strict=True):
        message = result.classifications.add()
        for label, score in zip(labels, scores, strict=True):
            try:
                message.classes.add(label=label, score=score)
            except UnicodeDecodeError:
                raise _not_utf8(label) from None
    return result


def _not_utf8(label: bytes) -> StatusError:
    return StatusError(
        Code.INTERNAL,
        f"Class label {label!r} is not UTF-8, and a ClassificationResult holds nothing else. "
        "Export such labels in base64, or ask by Predict.",
    )
