"""One gRPC call, as a method that runs in a thread may know it."""

import time
from typing import NoReturn

import grpc
import grpc.aio


class Aborted(Exception):  # noqa: N818 - no error of ours
    """A call that ends with another status than OK."""

    def __init__(self, code: grpc.StatusCode, details: str):
        super().__init__(code, details)
        self.code, self.details = code, details


class Call:
    """What `grpc.ServicerContext` tells a method, and is safe to ask once the call has ended."""

    def __init__(self, context: grpc.aio.ServicerContext):
        remaining_s = context.time_remaining()
        self._deadline = None if remaining_s is None else time.monotonic() + remaining_s
        self._peer, self._metadata = context.peer(), context.invocation_metadata()
        self._active = True

    def time_remaining(self) -> float | None:
        """Seconds until the deadline; None without one."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def is_active(self) -> bool:
        """Whether anybody waits for the answer."""
        return self._active

    def peer(self) -> str:
        """The client's address."""
        return self._peer

    def invocation_metadata(self) -> tuple:
        """The client's metadata, as pairs."""
        return self._metadata

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """Ends the call with a status.

        Raises:
            Aborted: always.
        """
        raise Aborted(code, details)

    def end(self) -> None:
        """The call has been answered, or its client has gone."""
        self._active = False
