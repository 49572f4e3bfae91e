"""The HTTP server around the REST API: its socket, its thread, its graceful end."""

import asyncio
import socket
import threading

import uvicorn

from serving.server.rest import RestApi
from serving.server.rest_protocol import RestProtocol

_IDLE_S = 0.05  # without a request, after which the last connections are closed
# Of the TCP connections, which inherit them; those that this system knows.
_TCP_OPTIONS = {
    # Without it an answer's body waits for the client's delayed acknowledgement of its headers:
    # 40 ms a request.
    "TCP_NODELAY": 1,
    # A client that has gone without a word is found within two minutes,
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 20,
    "TCP_KEEPCNT": 3,
    # and one that does not take its answer loses it after one.
    "TCP_USER_TIMEOUT": 60_000,
}


class RestServer:
    """Serves a RestApi in a thread of its own.

    Raises (on construction):
        OSError: the port cannot be bound.
    """

    def __init__(self, api: RestApi, port: int):
        self._socket = _listen(port)
        config = uvicorn.Config(
            api,
            http=RestProtocol,
            ws="none",  # a wish to upgrade is ignored, also to WebSocket
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=600,  # clients may keep a connection for long
            backlog=2048,
        )
        self._server = _Server(config, api)
        self._thread = threading.Thread(target=self._run, name="rest", daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Takes no new connection. Requests on those there are get their answer."""
        self._server.should_exit = True

    def stopped(self) -> bool:
        """Whether the last request has been answered."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


class _Server(uvicorn.Server):
    """uvicorn's server, but at its end requests on kept connections are answered, not cut off."""

    def __init__(self, config: uvicorn.Config, api: RestApi):
        super().__init__(config)
        self._api = api

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._api.begin_stop()
        idle_s = 0.0
        while idle_s < _IDLE_S:
            await asyncio.sleep(0.01)
            idle_s = 0.0 if self.server_state.tasks else idle_s + 0.01
        await super().shutdown(sockets)


def _listen(port: int) -> socket.socket:
    """A socket on every interface, IPv6 included where the machine has it."""
    listener = _dual_stack(port) or socket.create_server(("0.0.0.0", port))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if hasattr(socket, name):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return listener


def _dual_stack(port: int) -> socket.socket | None:
    """None where IPv6 is not there or switched off; if the port is taken, IPv4 says so too."""
    if not socket.has_dualstack_ipv6():
        return None
    try:
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        return None
