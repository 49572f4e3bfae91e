"""Long-running operations: started once, waited for, found again after an interruption."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from google.api_core import exceptions
from google.longrunning import operations_pb2

from infra.vertex import retries
from infra.vertex.errors import explained, explanation
from infra.vertex.settings import Settings
from preprocessing.errors import InputError

T = TypeVar("T")

_FIRST_POLL_S, _LONGEST_POLL_S = 0.1, 10.0
_TELL_EVERY_S = 30.0


def making(
    what: str,
    settings: Settings,
    client: Any,
    find: Callable[[], T | None],
    resource: str,
    kind: str,
    start: Callable[[], Any],
) -> Callable[[Callable[[str], None]], T]:
    """The `make` of a step by an operation: `settle`, with errors that say `what` was asked for."""

    def make(tell: Callable[[str], None]) -> T:
        with explained(what, "aiplatform", settings.project):
            return settle(settings, client, find, resource, kind, start, tell)

    return make


def settle(
    settings: Settings,
    client: Any,
    find: Callable[[], T | None],
    resource: str,
    kind: str,
    start: Callable[[], Any],
    tell: Callable[[str], None],
) -> T:
    """Gives what `find` finds, after an operation that makes it.

    One that runs already is waited for; only without one `start` is called. When the answer to
    `start` is lost, or it says that somebody else was first, all of it begins anew with a look, so
    nothing is made twice.

    Args:
        settings: how long to wait and to try.
        client: one of Vertex AI's.
        find: what is there; None without it.
        resource: whose operations they are.
        kind: of operation, by the end of its metadata's type: "DeployModelOperationMetadata".
        start: sends the request, and gives the library's operation.
        tell: is told how far it is.

    Raises:
        InputError: the operation failed, or takes longer than `timeout_s`.
        GoogleAPIError: a request failed.
    """

    def once() -> T:
        found = find()
        if found is not None:
            return found
        running = pending(settings, client, resource, kind)
        wait(settings, client, running[0] if running else start().operation.name, tell)
        found = find()
        if found is None:
            raise exceptions.Aborted(f"what {kind} made on {resource} is gone again")
        return found

    return retries.looked_again(settings)(once)()


def pending(settings: Settings, client: Any, resource: str, kind: str) -> Sequence[str]:
    """Names of operations of a kind on a resource that have not ended; none if it is not there."""
    try:
        answer = client.list_operations(
            operations_pb2.ListOperationsRequest(name=resource), retry=retries.requests(settings)
        )
    except exceptions.NotFound:
        return []
    return [
        operation.name
        for operation in answer.operations
        if not operation.done and operation.metadata.type_url.endswith(f".{kind}")
    ]


def wait(settings: Settings, client: Any, name: str, tell: Callable[[str], None]) -> None:
    """Until an operation has ended well.

    Raises:
        InputError: it ended in an error, or takes longer than `timeout_s`.
    """
    start = told = time.monotonic()
    pause = _FIRST_POLL_S
    request = operations_pb2.GetOperationRequest(name=name)
    while not (found := client.get_operation(request, retry=retries.requests(settings))).done:
        now = time.monotonic()
        if now - start > settings.timeout_s:
            raise InputError(
                f"operation {name} still runs after --timeout_s {settings.timeout_s:g}. It goes on "
                "in the cloud; the same command waits for it again."
            )
        if now - told >= _TELL_EVERY_S:
            told = now
            tell(f"{now - start:.0f} s so far")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_POLL_S)
    if found.error.code:
        raise _failed(settings, name, found.error)


def _failed(settings: Settings, name: str, status: Any) -> InputError:
    error = exceptions.from_grpc_status(status.code, status.message)
    said = explanation(error, "aiplatform", settings.project)
    return InputError(f"operation {name} failed: {said}")
