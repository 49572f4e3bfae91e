"""What the clients for threads and for asyncio are both given, and check."""

import abc
import asyncio
import contextlib
import os
from collections.abc import Iterator

from serving.calls import Call, Calls
from serving.errors import ClientClosed, InvalidRequest, ServingError, Unavailable
from serving.retries import Retries
from serving.transport import Deadline, Endpoint, Messages, Tls, check_tls, parse_endpoint

DEFAULT_ENDPOINT = "grpc://localhost:8500"


class ClientSettings(abc.ABC):
    """What both clients are given, and check."""

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        timeout_s: float = 30.0,
        *,
        batch_size: int | None = 32,
        concurrency: int = 4,
        retries: Retries = Retries(),  # noqa: B008 - it cannot be changed
        tls: Tls | None = None,
    ):
        """Connects at the first call.

        Args:
            endpoint: grpc://HOST[:PORT], http://HOST[:PORT], with TLS grpcs:// and https://, or
                grpc+unix:///PATH; the ports are 8500, 8501 and, of https, 443 unless told
                otherwise.
            timeout_s: deadline of each call, with all its batches and their retries.
            batch_size: rows of one request; longer lists are cut, and their answers joined in
                order. None: never.
            concurrency: requests of one call that are under way at the same time.
            retries: when a request is sent again; `NO_RETRIES`: never.
            tls: of grpcs:// and https://, where it is more than the well-known authorities.

        Raises:
            InvalidEndpoint: it is no such address, or a file of the TLS cannot be read.
            InvalidRequest: a number cannot be right.
        """
        if concurrency < 1:
            raise InvalidRequest(f"concurrency is {concurrency}; expected 1 or more")
        self._endpoint = parse_endpoint(endpoint)
        self._tls = check_tls(self._endpoint, tls)
        self._timeout_s = _checked(timeout_s)
        self._concurrency, self._retries = concurrency, retries
        self._calls = Calls(_messages(self._endpoint), batch_size)
        self._process, self._closed = os.getpid(), False
        self._open()

    @abc.abstractmethod
    def _open(self) -> None:
        """Prepares the connection; raises InvalidEndpoint for a file that cannot be read."""

    def _deadline(self, call: Call) -> Deadline:
        if os.getpid() != self._process:
            raise InvalidRequest(
                f"{self._endpoint}: the client was made in process {self._process}, and a "
                "connection does not outlive a fork; make a client in each process (over gRPC in "
                "a process that was spawned, or forked before gRPC's first call)"
            )
        if self._closed:
            raise self._is_closed()
        return Deadline(self._timeout_s if call.timeout_s is None else _checked(call.timeout_s))

    @contextlib.contextmanager
    def _told_when_closed(self) -> Iterator[None]:
        """Around a request: what it meets because the client is closed becomes ClientClosed."""
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            if self._closed and _may_be_of_closing(error):
                raise self._is_closed() from error
            raise

    def _is_closed(self) -> ClientClosed:
        return ClientClosed(f"{self._endpoint}: the client is closed; make another one")


def _may_be_of_closing(error: BaseException) -> bool:
    if isinstance(error, asyncio.CancelledError):  # gRPC's for its calls; not if the task's own
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, Unavailable) or not isinstance(error, ServingError)


def _checked(timeout_s: float) -> float:
    if not 0 < timeout_s < float("inf"):
        raise InvalidRequest(f"timeout_s is {timeout_s}; expected a positive number of seconds")
    return timeout_s


def _messages(endpoint: Endpoint) -> Messages:
    # Imported here, as the connections are, so that a client loads the one library it needs.
    if endpoint.is_grpc:
        from serving.grpc_messages import GrpcMessages

        return GrpcMessages()
    from serving.rest_messages import RestMessages

    return RestMessages(endpoint)
