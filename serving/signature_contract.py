"""The names, dtypes and shapes of every signature: what clients rely on, checked before publishing.

Imports no TensorFlow.
"""

from typing import Any

from preprocessing.errors import InputError
from serving.protocol import DataType
from trainer.spans import N_BEST

Tensors = dict[str, tuple[DataType, list[int]]]  # alias -> dtype, shape; -1 for any size
Contract = dict[str, tuple[Tensors, Tensors]]  # signature -> inputs, outputs

_TEXT = (DataType.DT_STRING, [-1])
_NUMBER = (DataType.DT_FLOAT, [-1])
_PLACE = (DataType.DT_INT32, [-1])
_SAVED_MODEL_SIGNATURE = "__saved_model_init_op"  # of TensorFlow itself


def contract_of(task: str, labels: int) -> Contract:
    """What a model must have.

    Args:
        task: "imdb" or "squad".
        labels: how many; not used for squad.
    """
    if task == "squad":
        return _question_answering()
    outputs = {"probability": _NUMBER}
    if labels > 2:
        outputs = {"label": _TEXT, "probabilities": (DataType.DT_FLOAT, [-1, labels])}
    classes = {
        "classes": (DataType.DT_STRING, [-1, labels]),
        "scores": (DataType.DT_FLOAT, [-1, labels]),
    }
    return {"serving_default": ({"text": _TEXT}, outputs), "classify": ({"inputs": _TEXT}, classes)}


def _question_answering() -> Contract:
    inputs = {"question": _TEXT, "context": _TEXT}
    answer = {"answer": _TEXT, "start": _PLACE, "end": _PLACE, "probability": _NUMBER}
    null_odds = {"null_odds": _NUMBER}
    best = {alias: (dtype, [*shape, N_BEST]) for alias, (dtype, shape) in answer.items()}
    return {
        "serving_default": (inputs, answer | null_odds),
        "nbest": (inputs, best | null_odds),
    }


def check_signatures(meta_graph: Any, expected: Contract) -> None:
    """Compares the signatures of a MetaGraphDef with the contract.

    Raises:
        InputError: they differ; the message names the first that does.
    """
    found = signatures_of(meta_graph)
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise InputError(
                f"signature {name}: it is {_text(found.get(name))}, but clients rely on "
                f"{_text(expected.get(name))}: the model is not published."
            )


def signatures_of(meta_graph: Any) -> Contract:
    """What a MetaGraphDef has, without TensorFlow's own."""
    return {
        name: (_tensors(signature.inputs), _tensors(signature.outputs))
        for name, signature in meta_graph.signature_def.items()
        if name != _SAVED_MODEL_SIGNATURE
    }


def _tensors(infos: Any) -> Tensors:
    return {
        alias: (DataType(info.dtype), [dim.size for dim in info.tensor_shape.dim])
        for alias, info in infos.items()
    }


def _text(signature: tuple[Tensors, Tensors] | None) -> str:
    if signature is None:
        return "absent"
    sides = (
        ", ".join(f"{alias} {dtype.name} {shape}" for alias, (dtype, shape) in sorted(side.items()))
        for side in signature
    )
    return " -> ".join(sides)
