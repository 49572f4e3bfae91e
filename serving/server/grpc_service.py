"""The gRPC services PredictionService and ModelService."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.server import (
    classification,
    metadata,
    multi_inference,
    prediction,
    regression,
    reload,
)
from serving.server.grpc_call import Call
from serving.server.grpc_threads import ThreadedServices
from serving.server.manager import ModelManager
from serving.server.observation import Observation, observe
from serving.server.status import Code, StatusError

logger = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES = 1024  # of a gRPC error message
_GRPC_CODES = {status.value[0]: status for status in grpc.StatusCode}
_INFERENCE = ("Predict", "Classify", "Regress", "MultiInference")


def _rpc(method: Callable[..., Message]) -> Callable[..., Message]:
    """Makes a handler of a method: errors become gRPC statuses."""

    @functools.wraps(method)
    def handler(self: Any, request: Message, context: Call) -> Message:
        try:
            with observe(_observation(method.__name__, request, context)):
                return method(self, request, context)
        except StatusError as error:
            failure = error
        except Exception as error:
            logger.exception("%s failed", method.__name__)
            failure = StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")
        context.abort(_GRPC_CODES[failure.code], truncated(failure.message))

    return handler


def _observation(method: str, request: Any, context: Call) -> Observation:
    tasks = getattr(request, "tasks", [])  # of MultiInference
    spec = getattr(tasks[0] if tasks else request, "model_spec", None)
    seen = Observation("GRPC", method, context.peer(), spec.name if spec else "")
    if spec and method in _INFERENCE:
        seen.signature = spec.signature_name or prediction.DEFAULT_SIGNATURE
    return seen


def truncated(message: str) -> str:
    """The message as gRPC carries it: at most 1024 bytes, then a mark."""
    data = message.encode("utf-8", "replace")
    if len(data) <= _MAX_MESSAGE_BYTES:
        return data.decode()
    return data[:_MAX_MESSAGE_BYTES].decode("utf-8", "ignore") + "...TRUNCATED"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Inference and metadata."""

    def __init__(self, manager: ModelManager, as_content: bool, check_method_name: bool):
        self._manager, self._as_content = manager, as_content
        self._check_method_name = check_method_name

    @_rpc
    def Predict(self, request, context):  # noqa: N802 - the service's own name, as are the others
        timeout_s = context.time_remaining()
        return prediction.predict(self._manager, request, timeout_s, self._as_content)

    @_rpc
    def GetModelMetadata(self, request, context):  # noqa: N802
        return metadata.get_model_metadata(self._manager, request)

    @_rpc
    def Classify(self, request, context):  # noqa: N802
        timeout_s = context.time_remaining()
        return classification.classify(self._manager, request, timeout_s, self._check_method_name)

    @_rpc
    def Regress(self, request, context):  # noqa: N802
        timeout_s = context.time_remaining()
        return regression.regress(self._manager, request, timeout_s, self._check_method_name)

    @_rpc
    def MultiInference(self, request, context):  # noqa: N802
        timeout_s = context.time_remaining()
        return multi_inference.infer(self._manager, request, timeout_s, self._check_method_name)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Status of the models, and new configs."""

    def __init__(self, manager: ModelManager):
        self._manager = manager

    @_rpc
    def GetModelStatus(self, request, context):  # noqa: N802
        return prediction.get_model_status(self._manager, request)

    @_rpc
    def HandleReloadConfigRequest(self, request, context):  # noqa: N802
        return reload.reload_config(self._manager, request, context.is_active)


def services(
    manager: ModelManager, max_threads: int, as_content: bool, check_method_name: bool
) -> ThreadedServices:
    """Both services, for a gRPC server.

    Args:
        max_threads: requests worked on at once; more are refused.
        as_content: answer with `tensor_content` in place of typed fields.
        check_method_name: let Classify and Regress take only signatures exported for them.
    """
    threaded = ThreadedServices(max_threads)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(manager, as_content, check_method_name), threaded
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager), threaded)
    return threaded
