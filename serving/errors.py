"""What can go wrong between a client and a model server: one tree of kinds.

ServingError
├── InvalidEndpoint    the address, or a file of its TLS, cannot be right
├── ClientClosed       the client was closed before the call, or during it: make another
├── InvalidRequest     the server understood and refused: mend the request
├── AccessDenied       the server wants other credentials
├── UntrustedServer    its certificate is not one that the client trusts for this name
├── ModelNotFound      no such model or version is being served (yet)
├── Unimplemented      the server does not have this method
├── Overloaded         the server refuses more work: retry later
├── Unavailable        no server answered: not started, stopped, or out of reach
├── DeadlineExceeded   no answer within the deadline
├── ServerFault        the server failed on a request that it accepted
└── InvalidResponse    the answer is not what a model server sends
"""


class ServingError(Exception):
    """An answer that did not come. The message names the endpoint, the call and the reason.

    Attributes:
        code: what the transport said: a gRPC code, as "UNAVAILABLE", or "HTTP 503". "UNAVAILABLE"
            and "DEADLINE_EXCEEDED" also where REST got no answer; "" for the client's own errors.
    """

    def __init__(self, message: str, code: str = ""):
        super().__init__(message)
        self.code = code

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be answered a little later."""
        return self.code in _PASSING


class InvalidEndpoint(ServingError): ...  # noqa: N818 - the tree's names say what happened


class ClientClosed(ServingError): ...  # noqa: N818


class InvalidRequest(ServingError): ...  # noqa: N818


class AccessDenied(ServingError): ...  # noqa: N818


class UntrustedServer(ServingError): ...  # noqa: N818


class ModelNotFound(ServingError): ...  # noqa: N818


class Unimplemented(ServingError): ...  # noqa: N818


class Overloaded(ServingError): ...  # noqa: N818


class Unavailable(ServingError): ...  # noqa: N818


class DeadlineExceeded(ServingError): ...  # noqa: N818


class ServerFault(ServingError): ...  # noqa: N818


class InvalidResponse(ServingError): ...  # noqa: N818


# One table for both transports: (kind, gRPC codes, HTTP statuses).
_TABLE: tuple[tuple[type[ServingError], tuple[str, ...], tuple[int, ...]], ...] = (
    (InvalidRequest, ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"), (400,)),
    (InvalidRequest, ("ALREADY_EXISTS", "ABORTED"), (409,)),
    (AccessDenied, ("UNAUTHENTICATED", "PERMISSION_DENIED"), (401, 403)),
    (ModelNotFound, ("NOT_FOUND",), (404,)),
    (Unimplemented, ("UNIMPLEMENTED",), (501,)),
    (Overloaded, ("RESOURCE_EXHAUSTED",), (429,)),
    (Unavailable, ("UNAVAILABLE", "CANCELLED"), (499, 502, 503)),
    (DeadlineExceeded, ("DEADLINE_EXCEEDED",), (504,)),
    (ServerFault, ("UNKNOWN", "INTERNAL", "DATA_LOSS"), (500,)),
)
KIND_OF_GRPC_CODE = {code: kind for kind, codes, _ in _TABLE for code in codes}
KIND_OF_HTTP_STATUS = {status: kind for kind, _, statuses in _TABLE for status in statuses}
# Not those of deadlines: whoever set one waits no longer.
_PASSING = ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "HTTP 429", "HTTP 502", "HTTP 503")
