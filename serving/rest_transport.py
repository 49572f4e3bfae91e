"""The client's REST connections: HTTP/1.1 with keep-alive, for threads or for an event loop."""

import asyncio
import contextlib
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import httpx

from serving.errors import (
    DeadlineExceeded,
    InvalidEndpoint,
    InvalidResponse,
    Unavailable,
    UntrustedServer,
)
from serving.rest_messages import RestRequest, read_answer
from serving.transport import Deadline, Endpoint, Tls, is_about_certificates

# As many connections as threads or tasks ask; idle ones are kept for a minute.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60)
# Shows a server that is gone without a word. The names of the last three are Linux's.
_SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]
# TF Serving asks for no type; proxies and other servers of its API do.
_JSON = {"Content-Type": "application/json"}


class RestConnection:
    """See `Connection`."""

    def __init__(self, endpoint: Endpoint, tls: Tls):
        self._endpoint, self._tls = endpoint, tls
        self._http = httpx.Client(**_options(endpoint, tls, httpx.HTTPTransport))

    def send(self, request: RestRequest, deadline: Deadline) -> dict[str, Any]:
        """See `Connection.send`."""
        data = bytearray()
        with _errors(self._endpoint, request, deadline) as place:
            arguments = _arguments(request, deadline, self._tls)
            with self._http.stream(**arguments) as response:
                for chunk in response.iter_bytes():
                    data += chunk
                    deadline.check(place)  # httpx bounds each read, not their sum
        return read_answer(response.status_code, bytes(data), place)

    def close(self) -> None:
        """See `Connection.close`."""
        self._http.close()


class AsyncRestConnection:
    """See `AsyncConnection`."""

    def __init__(self, endpoint: Endpoint, tls: Tls):
        self._endpoint, self._tls = endpoint, tls
        self._http = httpx.AsyncClient(**_options(endpoint, tls, httpx.AsyncHTTPTransport))

    async def send(self, request: RestRequest, deadline: Deadline) -> dict[str, Any]:
        """See `AsyncConnection.send`."""
        with _errors(self._endpoint, request, deadline) as place:
            arguments = _arguments(request, deadline, self._tls)
            async with asyncio.timeout(deadline.remaining()):
                response = await self._http.request(**arguments)
        return read_answer(response.status_code, response.content, place)

    async def close(self) -> None:
        """See `AsyncConnection.close`."""
        await self._http.aclose()


def _options(endpoint: Endpoint, tls: Tls, transport: Any) -> dict[str, Any]:
    """The arguments of httpx.Client and httpx.AsyncClient."""
    verify = _ssl_context(tls) if endpoint.uses_tls else False
    common: dict[str, Any] = {"base_url": str(endpoint)}
    if urllib.request.getproxies() and not endpoint.is_loopback:
        return common | {"verify": verify, "limits": _LIMITS}  # httpx finds the way by itself
    direct = transport(verify=verify, limits=_LIMITS, socket_options=_SOCKET_OPTIONS)
    return common | {"transport": direct, "trust_env": False}


def _ssl_context(tls: Tls) -> ssl.SSLContext:
    try:
        if tls.ca_file is None:
            context = httpx.create_ssl_context(trust_env=False)
        else:
            context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidEndpoint(f"TLS: {tls.ca_file}: {error}; expected a PEM file") from error
    if tls.certificate_file is not None:
        try:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
        except (OSError, ssl.SSLError) as error:
            files = f"{tls.certificate_file}, {tls.key_file}"
            raise InvalidEndpoint(f"TLS: {files}: {error}; expected PEM files") from error
    return context


class _Remaining(dict):
    """httpx's timeouts, which it looks up as each phase of a request begins: what is left then."""

    def __init__(self, deadline: Deadline):
        super().__init__()
        self._deadline = deadline

    def get(self, phase: str, default: Any = None) -> float:
        return max(self._deadline.remaining(), 0.001)


def _arguments(request: RestRequest, deadline: Deadline, tls: Tls) -> dict[str, Any]:
    extensions: dict[str, Any] = {"timeout": _Remaining(deadline)}
    if tls.server_name:
        extensions["sni_hostname"] = tls.server_name
    return {
        "method": request.method,
        "url": request.path,
        "content": request.content,
        "headers": _JSON if request.content is not None else None,
        "extensions": extensions,
    }


@contextlib.contextmanager
def _errors(endpoint: Endpoint, request: RestRequest, deadline: Deadline) -> Iterator[str]:
    """Gives the place that errors name; httpx's become ours."""
    place = f"{endpoint}: {request.model}"
    try:
        deadline.check(place)
        yield place
    except (httpx.TimeoutException, TimeoutError) as failure:
        message = f"{place}: no answer ({deadline})"
        raise DeadlineExceeded(message, "DEADLINE_EXCEEDED") from failure
    except httpx.DecodingError as failure:
        raise InvalidResponse(f"{place}: {failure}") from failure
    except httpx.TransportError as failure:
        message = f"{place}: {failure or type(failure).__name__} ({deadline})"
        if is_about_certificates(str(failure)):
            raise UntrustedServer(message, "UNAUTHENTICATED") from failure
        raise Unavailable(message, "UNAVAILABLE") from failure
