"""Which failures pass by themselves, and how long one tries."""

from typing import TYPE_CHECKING

from google.api_core import exceptions, retry

if TYPE_CHECKING:
    from infra.vertex.settings import Settings

_FIRST_S, _LONGEST_S = 0.5, 20.0

# Of requests that change nothing, or nothing more when they are sent twice.
_PASSING = (
    exceptions.InternalServerError,
    exceptions.TooManyRequests,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
)
# Somebody else, or a request of ours whose answer was lost, was there first: look again.
_CONFLICTS = (exceptions.Aborted, exceptions.AlreadyExists)


def requests(settings: "Settings") -> retry.Retry:
    """For a request that may be sent twice."""
    return _retry(settings, *_PASSING)


def looked_again(settings: "Settings") -> retry.Retry:
    """For work that begins with a look at what there is, whatever was in the way."""
    return _retry(settings, *_PASSING, *_CONFLICTS)


def _retry(settings: "Settings", *kinds: type[Exception]) -> retry.Retry:
    return retry.Retry(
        predicate=retry.if_exception_type(*kinds),
        initial=_FIRST_S,
        maximum=_LONGEST_S,
        timeout=settings.retry_s,
    )
