"""The HTTP server around the REST API: its socket, its thread, its graceful end."""

import asyncio
import socket
import threading

import uvicorn

from serving.server.rest import RestApi


class RestServer:
    """Serves a RestApi in a thread of its own.

    Raises (on construction):
        OSError: the port cannot be bound.
    """

    def __init__(self, api: RestApi, port: int):
        self._socket = _listen(port)
        # Connections inherit it. Without it an answer's body waits for the client's delayed
        # acknowledgement of its headers: 40 ms a request.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            api,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=600,  # clients may keep a connection for long
            backlog=2048,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="rest", daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Takes no new connection; requests under way are still answered."""
        self._server.should_exit = True

    def stopped(self) -> bool:
        """Whether the last request has been answered."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


def _listen(port: int) -> socket.socket:
    """A socket on every interface, IPv6 included where the machine has it."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError:
            pass  # IPv6 may be switched off; if the port is taken, IPv4 says so too
    return socket.create_server(("0.0.0.0", port))
