"""What both transports of the client are: a way to ask a model server three things."""

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from serving.errors import InvalidEndpoint
from serving.results import Metadata, VersionStatus

DEFAULT_PORTS = {"grpc": 8500, "http": 8501, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ModelRef(NamedTuple):
    """Which model a call means; no version: the highest that serves."""

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name} version {self.version}"


class Transport(Protocol):
    """A connection to one server. Every call ends within `timeout_s`, or raises ServingError."""

    def predict(
        self,
        model: ModelRef,
        inputs: Mapping[str, Sequence[str]],
        signature_name: str,
        timeout_s: float,
    ) -> dict[str, list[Any]]:
        """Outputs by alias, as nested lists; str for strings, bytes for aliases in `_bytes`."""

    def status(self, model: ModelRef, timeout_s: float) -> list[VersionStatus]:
        """Every known version, highest first."""

    def metadata(self, model: ModelRef, timeout_s: float) -> Metadata:
        """The signatures of the version that serves."""

    def close(self) -> None:
        """Ends the connection."""


class Endpoint(NamedTuple):
    """The parts of an address such as grpc://localhost:8500."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, to which no proxy leads."""
        return self.host in _LOOPBACK

    @property
    def address(self) -> str:
        """host:port, with brackets around an IPv6 host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Reads an address.

    Raises:
        InvalidEndpoint: it is none.
    """
    expected = "expected grpc://HOST[:PORT], http://HOST[:PORT] or https://HOST[:PORT]"
    try:
        url = urllib.parse.urlsplit(text)
        port = url.port
    except ValueError as error:
        raise InvalidEndpoint(f"endpoint {text!r}: {error}; {expected}") from None
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise InvalidEndpoint(f"endpoint {text!r}: {expected}")
    if url.path.strip("/") or url.query or url.fragment or url.username:
        raise InvalidEndpoint(f"endpoint {text!r} has more than a host and a port; {expected}")
    return Endpoint(url.scheme, url.hostname, port or DEFAULT_PORTS[url.scheme])
