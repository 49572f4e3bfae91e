"""How many descriptors this process may have, and how many of them connections may take."""

import resource

_REST_SHARE, _GRPC_SHARE = 0.6, 0.3  # the rest is for models, logs and what Python needs


def raise_limit() -> None:
    """Raises the soft limit to the hard one: every connection is a descriptor."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def max_rest_connections() -> int:
    """Connections to the REST port; more are refused, so that others still get a descriptor."""
    return int(_limit() * _REST_SHARE)


def max_grpc_connections() -> int:
    """Connections to one address of gRPC."""
    return int(_limit() * _GRPC_SHARE)


def _limit() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2**20 if soft == resource.RLIM_INFINITY else soft
