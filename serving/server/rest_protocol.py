"""HTTP/1.1 on one connection, with limits on what a slow or greedy client can hold."""

import asyncio
import http
import json

from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.server import open_files

HEAD_TIMEOUT_S = 30.0  # from the first byte of a request to the end of its headers
STALL_TIMEOUT_S = 60.0  # without a byte of a body that is not whole


class RestProtocol(H11Protocol):
    """uvicorn's protocol; a request must arrive in time, and a connection find a place.

    Idle connections may stay for `timeout_keep_alive`, also before their first request. A client
    that ends its side of the connection still gets the answers to its whole requests. As this
    cannot be told from one that has gone, the application finds the event `client_ended` in the
    state of its requests.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._client_ended = asyncio.Event()
        self.app_state = {**self.app_state, "client_ended": self._client_ended}
        self._keep_alive()
        if len(self.connections) > open_files.max_rest_connections():
            self._end(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
            if self.cycle.more_body:
                self._start_timer(STALL_TIMEOUT_S)
        elif not self.conn.trailing_data[0]:
            self._stop_timer()
            self._keep_alive()
        elif self._timer is None:  # one time limit for all of a request's head
            self._start_timer(HEAD_TIMEOUT_S)

    def eof_received(self) -> bool:  # type: ignore[override]
        self._client_ended.set()
        return self._owes_an_answer()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # may begin with a request that has come behind this one
        if self._client_ended.is_set() and not self._owes_an_answer():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._client_ended.set()
        super().connection_lost(exc)

    def _owes_an_answer(self) -> bool:
        """Whether a whole request has come that is not answered yet."""
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def _keep_alive(self) -> None:
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _start_timer(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            self._end(http.HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time")
        self.transport.close()

    def _end(self, status: http.HTTPStatus, message: str) -> None:
        """Says why, and closes the connection."""
        body = json.dumps({"error": message})
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        self.transport.close()
