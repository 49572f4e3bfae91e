"""How a request fails: a canonical code and a message, the same over gRPC and REST."""

import enum

import tensorflow as tf


class Code(enum.IntEnum):
    """The canonical codes; gRPC, TensorFlow and `StatusProto` number them alike."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class StatusError(Exception):
    """A request, or the load of a version, that failed.

    Attributes:
        code: what kind of failure.
        message: what a client reads; clients match on it, so see the API page before changing one.
    """

    def __init__(self, code: Code, message: str):
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message


def invalid_argument(message: str) -> StatusError:
    """The commonest failure."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def from_exception(error: Exception) -> StatusError:
    """What a client is told of any exception: TensorFlow's own code, UNKNOWN for others."""
    if isinstance(error, StatusError):
        return error
    if isinstance(error, tf.errors.OpError):
        return StatusError(Code(error.error_code), error.message)
    return StatusError(Code.UNKNOWN, f"{type(error).__name__}: {error}")
