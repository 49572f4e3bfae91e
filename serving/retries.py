"""When a request that failed is sent again.

gRPC has retries of its own (in the service config), but at most five attempts, and REST has none;
so both transports have these, where a call's one deadline also holds for the waits.
"""

import dataclasses
from typing import Any, NoReturn

import tenacity

from serving.errors import InvalidRequest, ServingError
from serving.transport import Deadline


@dataclasses.dataclass(frozen=True, kw_only=True)
class Retries:
    """How often, and after what waits; never after the call's deadline.

    Sent again is what found no server, lost its connection, or was refused by a server that has
    too much to do (UNAVAILABLE, RESOURCE_EXHAUSTED, HTTP 429, 502 and 503): predictions change
    nothing, so it does no harm if the server had begun. Waits double, and each is a random part of
    its limit, so that clients that failed together do not come back together.

    Attributes:
        attempts: how often a request is sent at most; 1: no retry.
        first_wait_s: limit of the first wait.
        longest_wait_s: limit of every wait.
    """

    attempts: int = 5
    first_wait_s: float = 0.1
    longest_wait_s: float = 5.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidRequest(
                f"Retries.attempts is {self.attempts}; expected 1 (no retry) or more"
            )
        if not 0 < self.first_wait_s <= self.longest_wait_s:
            raise InvalidRequest(
                f"Retries: first_wait_s is {self.first_wait_s} and longest_wait_s is "
                f"{self.longest_wait_s}; expected two positive numbers, the second no smaller"
            )

    def within(self, deadline: Deadline) -> dict[str, Any]:
        """The arguments of `tenacity.Retrying` and of `tenacity.AsyncRetrying`."""
        return {
            "retry": tenacity.retry_if_exception(_may_pass),
            "wait": tenacity.wait_random_exponential(self.first_wait_s, self.longest_wait_s),
            "stop": tenacity.stop_any(
                tenacity.stop_after_attempt(self.attempts),
                tenacity.stop_before_delay(deadline.remaining()),
            ),
            "retry_error_callback": _give_up,
        }


NO_RETRIES = Retries(attempts=1)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ServingError) and error.may_pass


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, ServingError), error
    if state.attempt_number == 1:
        raise error
    times = f"{state.attempt_number} times in {state.seconds_since_start:.1f} s"
    raise type(error)(f"{error} (sent {times})", error.code) from error
