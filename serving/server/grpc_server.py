"""The gRPC server: its event loop, its limits and its graceful end.

Messages are received in the event loop, so a client that sends half a request holds no thread.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Mapping

import grpc
import grpc.aio

from serving.server.grpc_threads import ThreadedServices
from serving.server.health import HealthService

# Calls that exist at once, those included whose message is still under way.
_MAX_CALLS = 20_000
_QUIET_S, _MAX_REFUSING_S = 0.3, 2.0  # without a new request, before the end begins
_LAST_WORDS_S = 0.5  # for requests that are not whole yet, and for streams that never end
_OPTIONS: dict[str, int | str] = {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.so_reuseport": 0,  # else a second server would share the port in silence
    # Finds connections whose client has gone without a word, and lets clients do the same.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.ping_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.max_pings_without_data": 0,
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
}


class GrpcServer:
    """Serves in a thread of its own, from its construction on.

    Args:
        threaded: the services whose methods run in threads.
        health: the health service, if there is to be one.
        addresses: where to listen, as gRPC writes addresses; with credentials for TLS.
        options: channel arguments, over ours.
        max_connections: per address; more are closed.

    Raises (on construction):
        OSError: an address cannot be had; its `filename` is the address.
    """

    def __init__(
        self,
        threaded: ThreadedServices,
        health: HealthService | None,
        addresses: Mapping[str, grpc.ServerCredentials | None],
        options: Mapping[str, int | str],
        max_connections: int,
    ):
        self._threaded, self._health, self._addresses = threaded, health, addresses
        limits = {"grpc.max_allowed_incoming_connections": max_connections}
        self._options = {**_OPTIONS, **limits, **options}
        self._stop_asked, self._grace_s = asyncio.Event(), 0.0
        started: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="grpc", daemon=True)
        self._thread.start()
        self._loop = started.result()

    def begin_stop(self, grace_s: float) -> None:
        """Takes no new request; those under way get `grace_s` to be answered."""
        self._grace_s = grace_s
        self._loop.call_soon_threadsafe(self._stop_asked.set)

    def stopped(self) -> bool:
        """Whether the last request has been answered."""
        return not self._thread.is_alive()

    def _run(self, started: concurrent.futures.Future) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: concurrent.futures.Future) -> None:
        server = grpc.aio.server(
            handlers=[self._threaded],
            options=list(self._options.items()),
            maximum_concurrent_rpcs=_MAX_CALLS,
        )
        if self._health:
            await self._health.add_to(server)
        for address, credentials in self._addresses.items():
            _listen(server, address, credentials)
        await server.start()
        started.set_result(asyncio.get_running_loop())
        await self._stop_asked.wait()
        if self._health:
            await self._health.begin_stop()
        await self._refuse_until_quiet()
        drained = asyncio.create_task(server.stop(self._grace_s))
        while self._threaded.busy and not drained.done():
            await asyncio.wait([drained], timeout=0.01)
        await server.stop(_LAST_WORDS_S)

    async def _refuse_until_quiet(self) -> None:
        """What arrives at the very moment of gRPC's stop would end as CANCELLED, and no client
        knows that from its own cancelling: those who ask on and on are told to go before.
        """
        self._threaded.refuse()
        loop = asyncio.get_running_loop()
        end, seen = loop.time() + _MAX_REFUSING_S, -1
        while seen != self._threaded.refused and loop.time() < end:
            seen = self._threaded.refused
            await asyncio.sleep(_QUIET_S)


def channel_options(text: str) -> dict[str, int | str]:
    """What `--grpc_channel_arguments` says: "k=v,k=v", integers as such."""
    options: dict[str, int | str] = {}
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        is_integer = value.removeprefix("-").isdecimal()
        options[key] = int(value) if is_integer else value
    return options


def _listen(
    server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None
) -> None:
    try:
        if credentials:
            server.add_secure_port(address, credentials)
        else:
            server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(None, str(error), address) from error
