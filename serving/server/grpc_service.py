"""The gRPC services PredictionService and ModelService."""

import concurrent.futures
import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.server import classification, metadata, multi_inference, prediction, regression
from serving.server.manager import ModelManager
from serving.server.observation import Observation, observe
from serving.server.status import Code, StatusError

logger = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES = 1024  # of a gRPC error message
_GRPC_CODES = {status.value[0]: status for status in grpc.StatusCode}
_INFERENCE = ("Predict", "Classify", "Regress", "MultiInference")
# Refusing a request takes a thread too, besides those that work.
_REFUSAL_THREADS = 2


def _rpc(method: Callable[..., Message]) -> Callable[..., Message]:
    """Makes a handler of a method: one of a limited number at once, errors as gRPC statuses."""

    @functools.wraps(method)
    def handler(self: Any, request: Message, context: grpc.ServicerContext) -> Message:
        if not self.slots.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
        try:
            with observe(_observation(method.__name__, request, context)):
                return method(self, request, context)
        except StatusError as error:
            failure = error
        except Exception as error:
            logger.exception("%s failed", method.__name__)
            failure = StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")
        finally:
            self.slots.release()
        context.abort(_GRPC_CODES[failure.code], truncated(failure.message))

    return handler


def _observation(method: str, request: Any, context: grpc.ServicerContext) -> Observation:
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


def _not_yet(name: str) -> StatusError:
    return StatusError(
        Code.UNIMPLEMENTED,
        f"{name} is not implemented by the embedded server yet; use TensorFlow Serving",
    )


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Inference and metadata."""

    def __init__(
        self,
        manager: ModelManager,
        slots: threading.Semaphore,
        as_content: bool,
        check_method_name: bool,
    ):
        self._manager, self.slots, self._as_content = manager, slots, as_content
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
    """Status of the models."""

    def __init__(self, manager: ModelManager, slots: threading.Semaphore):
        self._manager, self.slots = manager, slots

    @_rpc
    def GetModelStatus(self, request, context):  # noqa: N802
        return prediction.get_model_status(self._manager, request)

    @_rpc
    def HandleReloadConfigRequest(self, request, context):  # noqa: N802
        raise _not_yet("HandleReloadConfigRequest")


def build_server(
    manager: ModelManager,
    max_threads: int,
    channel_arguments: str,
    as_content: bool,
    check_method_name: bool,
) -> grpc.Server:
    """A gRPC server with both services; it has no address yet and is not started.

    Args:
        max_threads: requests worked on at once; more are refused.
        channel_arguments: "k=v,k=v", added to the server's options.
        as_content: answer with `tensor_content` in place of typed fields.
        check_method_name: let Classify and Regress take only signatures exported for them.
    """
    threads = concurrent.futures.ThreadPoolExecutor(
        max_threads + _REFUSAL_THREADS, thread_name_prefix="grpc"
    )
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # else a second server would share the port in silence
        *_channel_options(channel_arguments),
    ]
    server = grpc.server(threads, options=options)
    slots = threading.Semaphore(max_threads)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(manager, slots, as_content, check_method_name), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager, slots), server)
    return server


def _channel_options(text: str) -> list[tuple[str, int | str]]:
    options: list[tuple[str, int | str]] = []
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        is_integer = value.removeprefix("-").isdecimal()
        options.append((key, int(value) if is_integer else value))
    return options
