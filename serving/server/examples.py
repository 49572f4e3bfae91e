"""What Classify, Regress and MultiInference share: tf.Examples in, one string tensor to the graph.

API page, section 2.3.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2

from serving.server.loader import LoadedModel
from serving.server.prediction import DEFAULT_SIGNATURE
from serving.server.status import invalid_argument

Answer = TypeVar("Answer", covariant=True)


class Task(Protocol[Answer]):
    """A signature that takes examples: the tensors it is fed by, and those it is read from."""

    input_name: str
    output_names: list[str]

    def read(self, outputs: Mapping[str, np.ndarray], num_examples: int) -> Answer:
        """The answer among the outputs of a run; raises StatusError when they do not fit."""


@dataclasses.dataclass(frozen=True)
class Asking:
    """How a signature is asked.

    Attributes:
        signature_name: "" means the default one.
        timeout_s: of the run; None: for ever.
        check_method_name: take only a signature that was exported for the method.
    """

    signature_name: str = ""
    timeout_s: float | None = None
    check_method_name: bool = False


def ask(
    model: LoadedModel,
    task: Callable[[meta_graph_pb2.SignatureDef, bool], Task[Answer]],
    given: input_pb2.Input,
    how: Asking,
) -> Answer:
    """What this very model says of the examples.

    Args:
        model: the version.
        task: `Classifier` or `Regressor`.
        given: the examples.
        how: see there.

    Raises:
        StatusError: there is no such signature, it is none for the task, or the run fails.
    """
    signature = find_signature(model.signatures, how.signature_name)
    reader = task(signature, how.check_method_name)
    outputs, num_examples = run(model, [reader], given, how.timeout_s)
    return reader.read(outputs, num_examples)


def run(
    model: LoadedModel,
    tasks: Iterable[Task],
    given: input_pb2.Input,
    timeout_s: float | None = None,
) -> tuple[dict[str, np.ndarray], int]:
    """Feeds the examples to all tasks in one run.

    Returns:
        The tasks' output tensors by name, and how many examples there were.

    Raises:
        StatusError: there is no example, or the model refuses them.
    """
    tensor = serialized(given)
    feeds = {task.input_name: tensor for task in tasks}
    fetches = sorted({name for task in tasks for name in task.output_names})
    outputs = model.run(feeds, fetches, timeout_s)
    return dict(zip(fetches, outputs, strict=True)), len(tensor)


def serialized(given: input_pb2.Input) -> np.ndarray:
    """Each example as bytes, bytes[examples]; those of the context, if any, come before its own.

    Of a feature that is in both, parsers take the last, which is the example's.

    Raises:
        StatusError: there is no example.
    """
    with_context = given.WhichOneof("kind") == "example_list_with_context"
    listed = given.example_list_with_context if with_context else given.example_list
    if not listed.examples:
        raise invalid_argument("Input is empty.")
    context = listed.context.SerializeToString() if with_context else b""
    tensor = np.empty(len(listed.examples), object)
    tensor[:] = [context + example.SerializeToString() for example in listed.examples]
    return tensor


def find_signature(
    signatures: Mapping[str, meta_graph_pb2.SignatureDef], name: str
) -> meta_graph_pb2.SignatureDef:
    """The signature of that name, or the default one; raises StatusError without it."""
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid_argument(f"No signature was found with the name: {name}")
    return signatures[name]


def check_method_name(signature: meta_graph_pb2.SignatureDef, kind: str, expected: str) -> None:
    """Raises StatusError unless it was exported for that method; `kind` is for the message."""
    if signature.method_name != expected:
        raise invalid_argument(
            f"Expected {kind} signature method_name to be {expected}. Was: {signature.method_name}"
        )


def check_one_input(signature: meta_graph_pb2.SignatureDef) -> None:
    """Raises StatusError unless the signature has one input."""
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")


def input_name(signature: meta_graph_pb2.SignatureDef, kind: str) -> str:
    """The tensor behind the alias `inputs`; raises StatusError without it."""
    if "inputs" not in signature.inputs:
        raise invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")
    return signature.inputs["inputs"].name
