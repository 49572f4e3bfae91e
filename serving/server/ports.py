"""The ports of the server: gRPC and REST, opened once the models are there, and their end."""

import logging
import time
from collections.abc import Callable

import grpc

from serving.server import grpc_service, open_files
from serving.server.demo_page import RestApiWithPage
from serving.server.flags import ParsedFlags
from serving.server.grpc_server import GrpcServer, channel_options
from serving.server.health import HealthService
from serving.server.manager import ModelManager
from serving.server.preflight import address_error
from serving.server.rest import RestApi
from serving.server.rest_server import RestServer

logger = logging.getLogger(__name__)

_DRAIN_S = 60.0  # requests under way get this long to finish


class Ports:
    """Open from the construction on, until `drain`.

    Args:
        flags: which ports, and their limits.
        manager: answers the requests.
        credentials: for gRPC over TLS.
        metrics_path: where on the REST port the metrics are; "": nowhere.

    Raises (on construction):
        StartError: gRPC cannot listen.
    """

    def __init__(
        self,
        flags: ParsedFlags,
        manager: ModelManager,
        credentials: grpc.ServerCredentials | None = None,
        metrics_path: str = "",
    ):
        self._grpc = _start_grpc(flags, manager, credentials)
        self._rest = _start_rest(flags, manager, metrics_path)

    def drain(self, is_cut_short: Callable[[], bool]) -> None:
        """Takes no new connection, and waits until the requests under way are answered.

        Args:
            is_cut_short: asked now and then, also as a way to wait; True ends it at once.
        """
        self._grpc.begin_stop(_DRAIN_S)
        if self._rest:
            self._rest.begin_stop()
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline:
            if self._grpc.stopped() and (not self._rest or self._rest.stopped()):
                logger.info("stopped")
                return
            if is_cut_short():
                logger.warning("second signal: requests under way are dropped")
                return
        logger.warning("requests under way are dropped: not answered within %.0f s", _DRAIN_S)


def _start_grpc(
    flags: ParsedFlags, manager: ModelManager, credentials: grpc.ServerCredentials | None
) -> GrpcServer:
    addresses: dict[str, grpc.ServerCredentials | None] = {}
    if flags["port"]:
        addresses[f"0.0.0.0:{flags['port']}"] = credentials
    if flags["grpc_socket_path"]:
        addresses[f"unix:{flags['grpc_socket_path']}"] = None  # its folder says who may use it
    services = grpc_service.services(
        manager,
        flags["grpc_max_threads"],
        flags["enable_serialization_as_tensor_content"],
        flags["enable_signature_method_name_check"],
    )
    health = HealthService() if flags["enable_grpc_healthcheck_service"] else None
    options = channel_options(flags["grpc_channel_arguments"])
    try:
        server = GrpcServer(services, health, addresses, options, open_files.max_grpc_connections())
    except OSError as error:
        raise address_error(error.filename, flags) from error
    for address in addresses:
        logger.info("gRPC: listening on %s", address)
    return server


def _start_rest(flags: ParsedFlags, manager: ModelManager, metrics_path: str) -> RestServer | None:
    port = flags["rest_api_port"]
    if not port:
        if metrics_path:
            logger.warning("metrics are on the REST port: --monitoring_config_file has no effect")
        return None
    if port == flags["port"]:
        logger.error("REST: --rest_api_port=%d is the gRPC port too; serving gRPC alone", port)
        return None
    api = (RestApiWithPage if flags["enable_demo_page"] else RestApi)(
        manager,
        flags["rest_api_num_threads"],
        flags["rest_api_timeout_in_ms"] / 1000,
        flags["rest_api_enable_cors_support"],
        flags["enable_signature_method_name_check"],
        metrics_path,
    )
    try:
        server = RestServer(api, port)
    except OSError as error:
        logger.error(
            "REST: cannot listen on --rest_api_port=%d (%s); serving gRPC alone",
            port, error.strerror,
        )  # fmt: skip
        return None
    logger.info("REST: listening on port %d, http://localhost:%d/v1/models/...", port, port)
    return server
