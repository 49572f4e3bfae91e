"""Waits for the other workers of a cluster, where a signal is obeyed. Imports no TensorFlow.

TensorFlow waits for them, too, but in one call that lets no Python run, and takes SIGTERM for
itself. So it is called only when all of them are there.
"""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator

from preprocessing.errors import InputError
from trainer.cluster import VARIABLE, Cluster

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 2.0
POLL_INTERVAL_S = 0.25
LOG_EVERY_S = 30.0


def wait_for_workers(cluster: Cluster) -> None:
    """Answers at this worker's address until every other one has been reached at its own.

    A worker that goes on earlier is still reached: TensorFlow answers at the same address.

    Raises:
        InputError: this worker's address cannot be used.
    """
    missing = dict(cluster.others)
    if not missing:
        return
    logger.info("%s waits for all %d workers", cluster.name, cluster.processes)
    logged = time.monotonic()
    with _answering(cluster):
        while missing := {n: at for n, at in missing.items() if not _is_there(at)}:
            if time.monotonic() - logged > LOG_EVERY_S:
                logged = time.monotonic()
                names = ", ".join(f"{name} ({address})" for name, address in missing.items())
                logger.info("%s still waits for %s", cluster.name, names)
            time.sleep(POLL_INTERVAL_S)


@contextlib.contextmanager
def _answering(cluster: Cluster) -> Iterator[None]:
    _, port = _host_and_port(cluster.address)
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        server = socket.create_server(
            ("", port), family=family, backlog=cluster.processes, dualstack_ipv6=both
        )
    except OSError as error:
        raise InputError(
            f"{VARIABLE}: {cluster.name} is at {cluster.address}, but its port cannot be used here "
            f"({os.strerror(error.errno or 0)}). End the process that has it, or name another."
        ) from error
    with server:
        yield


def _is_there(address: str) -> bool:
    try:
        with socket.create_connection(_host_and_port(address), timeout=ANSWER_TIMEOUT_S):
            return True
    except OSError:  # also a name that is not known yet, as of a pod that is to start
        return False


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    try:
        return host.strip("[]"), int(port)
    except ValueError as error:
        raise InputError(
            f"{VARIABLE} has the address {address!r}, expected host:port, such as worker-0:2222."
        ) from error
