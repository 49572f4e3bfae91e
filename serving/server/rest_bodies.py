"""Request bodies in memory: how they are read and inflated, and how much they may take."""

import contextlib
import threading
import zlib
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request

from serving.server import process_memory
from serving.server.status import Code, StatusError

_MAX_INFLATED_BYTES = 100 * 2**20
# A body of numbers takes some 15 times its size once it is parsed.
_SHARE_OF_MEMORY = 1 / 32


class Bodies:
    """All request bodies in memory; together they may take `limit_bytes`, or a single one more."""

    def __init__(self, limit_bytes: int | None = None):
        self._limit = limit_bytes or int(process_memory.limit_bytes() * _SHARE_OF_MEMORY)
        self._held = 0
        self._lock = threading.Lock()

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """The body of a request, as it came; it counts as long as the context lasts.

        Raises:
            StatusError: other bodies have taken the memory.
        """
        body = bytearray()
        try:
            async for chunk in request.stream():
                self._take(len(chunk), own=len(body))
                body += chunk
            yield body
        finally:
            self._give_back(len(body))

    @contextlib.contextmanager
    def inflate(self, body: bytearray, encoding: str) -> Iterator[bytes]:
        """The body as it was before it was compressed; b"" when it cannot be inflated.

        Raises:
            StatusError: other bodies have taken the memory.
        """
        inflated = _inflated(body) if "gzip" in encoding else bytes(body)
        self._take(len(inflated), own=len(body))
        try:
            yield inflated
        finally:
            self._give_back(len(inflated))

    def _take(self, size: int, own: int) -> None:
        with self._lock:
            if self._held > own and self._held + size > self._limit:
                raise StatusError(
                    Code.RESOURCE_EXHAUSTED,
                    f"Requests of {self._held} bytes are in memory already; try again later",
                )
            self._held += size

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size


def _inflated(body: bytearray) -> bytes:
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(body, _MAX_INFLATED_BYTES)
    except zlib.error:
        return b""
    return inflated if inflater.eof else b""
