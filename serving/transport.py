"""What a client and its transports share: the address, the model, the deadline, and flows.

A flow is one call to a server without its input and output: a generator that yields requests,
is sent their answers, and returns the result. So the same flow runs over a blocking connection
and in an event loop: see `drive` and `drive_async`.
"""

import dataclasses
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from serving.errors import DeadlineExceeded, InvalidEndpoint
from serving.results import Metadata, VersionStatus

DEFAULT_PORTS = {"grpc": 8500, "grpcs": 8500, "http": 8501, "https": 443}
GRPC_UNIX = "grpc+unix"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EXPECTED = (
    "expected grpc://HOST[:PORT], grpcs://HOST[:PORT], http://HOST[:PORT], https://HOST[:PORT] or "
    "grpc+unix:///PATH"
)

T = TypeVar("T")
Flow = Generator[Any, Any, T]


class ModelRef(NamedTuple):
    """Which model a call means; neither version nor label: the highest version that serves."""

    name: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.label is not None:
            return f"{self.name} label {self.label}"
        return self.name if self.version is None else f"{self.name} version {self.version}"


class Deadline:
    """When a call is given up, with all its requests and their retries."""

    def __init__(self, timeout_s: float):
        self.timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def __str__(self) -> str:
        return f"deadline {self.timeout_s:g} s"

    def remaining(self) -> float:
        """Seconds that are left, 0 or less when it has passed."""
        return self._end - time.monotonic()

    def check(self, place: str) -> float:
        """Seconds that are left.

        Raises:
            DeadlineExceeded: none are.
        """
        remaining = self.remaining()
        if remaining <= 0:
            raise DeadlineExceeded(f"{place}: no time is left ({self})", "DEADLINE_EXCEEDED")
        return remaining


class Messages(Protocol):
    """How a protocol asks a model server three things. Flows raise ServingError."""

    def predict(
        self, model: ModelRef, inputs: Mapping[str, Sequence[str]], signature_name: str
    ) -> Flow[dict[str, list[Any]]]:
        """Outputs by alias, as nested lists; str for strings, bytes for aliases in `_bytes`."""

    def status(self, model: ModelRef) -> Flow[list[VersionStatus]]:
        """Every known version, highest first."""

    def metadata(self, model: ModelRef) -> Flow[Metadata]:
        """The signatures of the version that serves."""


class Connection(Protocol):
    """A way to one server, kept until it is closed; threads may share it."""

    def send(self, request: Any, deadline: Deadline) -> Any:
        """The answer to a flow's request; raises ServingError."""

    def close(self) -> None:
        """Ends it."""


class AsyncConnection(Protocol):
    """The same in an event loop."""

    async def send(self, request: Any, deadline: Deadline) -> Any:
        """The answer to a flow's request; raises ServingError."""

    async def close(self) -> None:
        """Ends it."""


def drive(flow: Flow[T], send: Callable[[Any], Any]) -> T:
    """Runs a flow; `send` gives the answer to a request."""
    answer = None
    while True:
        try:
            request = flow.send(answer)
        except StopIteration as end:
            return end.value
        answer = send(request)


async def drive_async(flow: Flow[T], send: Callable[[Any], Awaitable[Any]]) -> T:
    """Runs a flow; `send` gives the answer to a request."""
    answer = None
    while True:
        try:
            request = flow.send(answer)
        except StopIteration as end:
            return end.value
        answer = await send(request)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tls:
    """What grpcs:// and https:// check and show; PEM files.

    Attributes:
        ca_file: the authorities to trust in place of the well-known ones.
        certificate_file, key_file: the client's own, where the server asks for one (mutual TLS).
        server_name: the name in the server's certificate, where it is not the endpoint's host.
    """

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate_file is None) != (self.key_file is None):
            raise InvalidEndpoint(
                "TLS: expected a certificate_file and a key_file together, or neither; got "
                f"{self.certificate_file!r} and {self.key_file!r}"
            )


class Endpoint(NamedTuple):
    """The parts of an address such as grpc://localhost:8500 or grpc+unix:///run/model.sock."""

    scheme: str
    host: str
    port: int
    path: str = ""  # of a Unix socket

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path or self.address}"

    @property
    def is_grpc(self) -> bool:
        """Whether it speaks gRPC, and not REST."""
        return self.scheme.startswith("grpc")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in ("grpcs", "https")

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, to which no proxy leads."""
        return bool(self.path) or self.host in _LOOPBACK

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
    try:
        url = urllib.parse.urlsplit(text)
        port = url.port
    except ValueError as error:
        raise InvalidEndpoint(f"endpoint {text!r}: {error}; {_EXPECTED}") from None
    if url.query or url.fragment or url.username:
        raise InvalidEndpoint(f"endpoint {text!r} has more than a host and a port; {_EXPECTED}")
    if url.scheme == GRPC_UNIX and not url.netloc and url.path.startswith("/"):
        return Endpoint(GRPC_UNIX, "localhost", 0, url.path)
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise InvalidEndpoint(f"endpoint {text!r}: {_EXPECTED}")
    if url.path.strip("/"):
        raise InvalidEndpoint(f"endpoint {text!r} has more than a host and a port; {_EXPECTED}")
    return Endpoint(url.scheme, url.hostname, port or DEFAULT_PORTS[url.scheme])


def check_tls(endpoint: Endpoint, tls: Tls | None) -> Tls:
    """The TLS of an endpoint.

    Raises:
        InvalidEndpoint: TLS is given to an endpoint that is not encrypted.
    """
    if tls is not None and not endpoint.uses_tls:
        raise InvalidEndpoint(
            f"endpoint {endpoint}: TLS is given, but the connection is not encrypted; expected "
            "grpcs://HOST[:PORT] or https://HOST[:PORT]"
        )
    return tls or Tls()


def is_about_certificates(message: str) -> bool:
    """Whether a connection failed because the server's certificate is not trusted."""
    return any(sign in message for sign in _CERTIFICATE_SIGNS)


# BoringSSL and OpenSSL; gRPC's check of the name in the certificate.
_CERTIFICATE_SIGNS = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
