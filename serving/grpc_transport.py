"""The client's gRPC connections: one channel, for threads or for an event loop."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from serving import protocol
from serving.errors import InvalidEndpoint
from serving.grpc_messages import GrpcRequest, error_of
from serving.transport import Deadline, Endpoint, Tls

_RESPONSES = {
    protocol.PREDICT: protocol.PredictResponse,
    protocol.GET_MODEL_METADATA: protocol.GetModelMetadataResponse,
    protocol.GET_MODEL_STATUS: protocol.GetModelStatusResponse,
}
# A ping while a call is under way shows a server that is gone without a word. A gRPC server
# (TensorFlow Serving's, too) hangs up on clients that ping more than once in five minutes.
_KEEPALIVE_MS = 330_000
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # After a failure a channel refuses all calls until it has connected again. Left to itself it
    # waits for a second, then longer: no retry could see that the server is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


class GrpcConnection:
    """See `Connection`."""

    def __init__(self, endpoint: Endpoint, tls: Tls):
        self._endpoint = endpoint
        self._channel = open_channel(endpoint, tls)
        self._methods = _methods(self._channel)

    def send(self, request: GrpcRequest, deadline: Deadline) -> Any:
        """See `Connection.send`."""
        with _errors(self._endpoint, request, deadline) as timeout_s:
            return self._methods[request.method](request.message, timeout=timeout_s)

    def close(self) -> None:
        """See `Connection.close`."""
        self._channel.close()


class AsyncGrpcConnection:
    """See `AsyncConnection`. It belongs to the event loop that it is made in."""

    def __init__(self, endpoint: Endpoint, tls: Tls):
        self._endpoint = endpoint
        self._channel = _open(endpoint, tls, grpc.aio.insecure_channel, grpc.aio.secure_channel)
        self._methods = _methods(self._channel)

    async def send(self, request: GrpcRequest, deadline: Deadline) -> Any:
        """See `AsyncConnection.send`."""
        with _errors(self._endpoint, request, deadline) as timeout_s:
            return await self._methods[request.method](request.message, timeout=timeout_s)

    async def close(self) -> None:
        """See `AsyncConnection.close`."""
        await self._channel.close()


@contextlib.contextmanager
def _errors(endpoint: Endpoint, request: GrpcRequest, deadline: Deadline) -> Iterator[float]:
    """Gives the seconds that are left; gRPC's errors become ours."""
    try:
        yield deadline.check(f"{endpoint}: {request.model}")
    except grpc.RpcError as failure:
        raise error_of(failure, endpoint, request, deadline) from failure


def open_channel(endpoint: Endpoint, tls: Tls) -> grpc.Channel:
    """A channel for threads, which connects at its first call.

    Raises:
        InvalidEndpoint: a file of the TLS cannot be read.
    """
    return _open(endpoint, tls, grpc.insecure_channel, grpc.secure_channel)


def _open(endpoint: Endpoint, tls: Tls, insecure: Callable, secure: Callable) -> Any:
    target = f"unix:{endpoint.path}" if endpoint.path else endpoint.address
    options: list[tuple[str, Any]] = list(_OPTIONS)
    if endpoint.is_loopback:
        options.append(("grpc.enable_http_proxy", 0))
    if not endpoint.uses_tls:
        return insecure(target, options=options)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    files = (tls.ca_file, tls.key_file, tls.certificate_file)
    credentials = grpc.ssl_channel_credentials(*map(_content, files))
    return secure(target, credentials, options=options)


def _content(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidEndpoint(f"TLS: {path}: {error.strerror}; expected a PEM file") from error


def _methods(channel: Any) -> dict[str, Any]:
    return {
        path: channel.unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        for path, response in _RESPONSES.items()
    }
