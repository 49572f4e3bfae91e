"""MultiInference: several classify and regress signatures in one run (API page, section 2.4)."""

from collections.abc import Callable, Mapping

import numpy as np
from tensorflow_serving.apis import inference_pb2, model_pb2

from serving.server import classification, examples, regression
from serving.server.classification import Classifier
from serving.server.loader import LoadedModel
from serving.server.manager import ModelManager
from serving.server.prediction import DEFAULT_SIGNATURE, effective_spec, resolve
from serving.server.regression import Regressor
from serving.server.status import Code, StatusError, invalid_argument

_Task = Classifier | Regressor
_TASKS: Mapping[str, Callable[..., _Task]] = {
    classification.METHOD: Classifier,
    regression.METHOD: Regressor,
}


def infer(
    manager: ModelManager,
    request: inference_pb2.MultiInferenceRequest,
    timeout_s: float | None = None,
    check_method_name: bool = False,
) -> inference_pb2.MultiInferenceResponse:
    """MultiInference.

    Raises:
        StatusError: the request cannot be answered.
    """
    spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    with resolve(manager, spec) as servable:
        results = infer_with(servable.loaded_model, request, timeout_s, check_method_name)
        for result, task in zip(results, request.tasks, strict=True):
            result.model_spec.CopyFrom(effective_spec(task.model_spec, servable.version))
        return inference_pb2.MultiInferenceResponse(results=results)


def infer_with(
    model: LoadedModel,
    request: inference_pb2.MultiInferenceRequest,
    timeout_s: float | None = None,
    check_method_name: bool = False,
) -> list[inference_pb2.InferenceResult]:
    """Answers the tasks with this very model, whatever version they name; without model_specs."""
    tasks = _tasks(model, request, check_method_name)
    outputs, num_examples = examples.run(model, tasks, request.input, timeout_s)
    return [_result(task, outputs, num_examples) for task in tasks]


def _tasks(
    model: LoadedModel, request: inference_pb2.MultiInferenceRequest, check_method_name: bool
) -> list[_Task]:
    tasks: dict[str, _Task] = {}  # by signature
    for task in request.tasks:
        spec = task.model_spec
        if not spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if spec.name != request.tasks[0].model_spec.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = spec.signature_name or DEFAULT_SIGNATURE
        if name in tasks:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        if name not in model.signatures:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name not in _TASKS:
            raise StatusError(
                Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}"
            )
        tasks[name] = _TASKS[task.method_name](model.signatures[name], check_method_name)
    return list(tasks.values())


def _result(
    task: _Task, outputs: Mapping[str, np.ndarray], num_examples: int
) -> inference_pb2.InferenceResult:
    if isinstance(task, Classifier):
        classes = classification.to_proto(task.read(outputs, num_examples))
        return inference_pb2.InferenceResult(classification_result=classes)
    values = regression.to_proto(task.read(outputs, num_examples))
    return inference_pb2.InferenceResult(regression_result=values)
