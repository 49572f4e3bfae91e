"""The server as a whole: models first, then the ports, then a graceful end."""

import functools
import logging
import signal
import time

import grpc
import tensorflow as tf
from google.protobuf import text_format

from serving.server import (
    batching_setup,
    config,
    grpc_service,
    load_metrics,
    loader,
    monitoring_config,
    session_config,
    warmup,
)
from serving.server.batching_setup import Batching
from serving.server.demo_page import RestApiWithPage
from serving.server.flags import ParsedFlags
from serving.server.manager import ManagerOptions, ModelManager
from serving.server.observation import ObservedModel
from serving.server.preflight import StartError, port_error
from serving.server.rest import RestApi
from serving.server.rest_server import RestServer
from serving.server.session_config import LoadConfig
from serving.server.status import StatusError

logger = logging.getLogger(__name__)

_DRAIN_S = 60.0  # requests under way get this long to finish
_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def versions() -> str:
    """What `--version` prints."""
    return f"TensorFlow ModelServer: bertline embedded\nTensorFlow Library: {tf.__version__}"


def serve(flags: ParsedFlags) -> None:
    """Runs until SIGTERM or SIGINT, then answers what is under way.

    Raises:
        StartError: the flags, the models or the gRPC port do not allow it.
    """
    metrics_path = monitoring_config.read_path(flags["monitoring_config_file"])
    batching, how = batching_setup.from_flags(flags), session_config.from_flags(flags)
    load = functools.partial(_load, flags, batching, how)
    manager = ModelManager(_models(flags), load, _options(flags))
    try:
        manager.start()
        stopped = _wait_until_ready(manager)
    except StatusError as error:
        raise StartError(f"Failed to start server. Error: {error}") from error
    if not stopped:
        manager.initial_loads_done()
        grpc_server = _start_grpc(flags, manager)
        rest_server = _start_rest(flags, manager, metrics_path)
        _wait_for_signal()
        _drain(grpc_server, rest_server)
    manager.stop()


def _models(flags: ParsedFlags) -> list[config.ModelConfig]:
    path = flags["model_config_file"]
    try:
        if path:
            return config.read_file(path)
        return config.single_model(flags["model_name"], flags["model_base_path"])
    except OSError as error:
        raise StartError(f"error: --model_config_file={path}: {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise StartError(
            f"Error parsing text-format tensorflow.serving.ModelServerConfig: {path}: {error}"
        ) from error
    except StatusError as error:
        flag = "model_config_file" if path else "model_base_path"
        raise StartError(f"error: --{flag}: {error.message}") from error


def _options(flags: ParsedFlags) -> ManagerOptions:
    return ManagerOptions(
        file_system_poll_wait_seconds=flags["file_system_poll_wait_seconds"],
        max_num_load_retries=flags["max_num_load_retries"],
        load_retry_interval_s=flags["load_retry_interval_micros"] / 1e6,
        num_load_threads=flags["num_load_threads"],
        num_unload_threads=flags["num_unload_threads"],
        allow_version_labels_for_unavailable_models=flags[
            "allow_version_labels_for_unavailable_models"
        ],
    )


def _load(
    flags: ParsedFlags, batching: Batching | None, how: LoadConfig, path: str
) -> loader.LoadedModel:
    """Loads a version and warms it up."""
    with load_metrics.load_attempt(path):
        model = loader.load(path, how.tags, how.session)
    if batching:
        model = batching.wrap(model, path)
    model = ObservedModel(model, path)
    if how.warms_up:
        iterations = max(1, flags["num_request_iterations_for_warmup"])
        _warm_up(model, path, iterations, flags["enable_signature_method_name_check"])
    return model


def _warm_up(
    model: loader.LoadedModel, path: str, iterations: int, check_method_name: bool
) -> None:
    started = time.monotonic()
    try:
        records = warmup.warm_up(model, path, iterations, check_method_name)
    except BaseException as error:
        load_metrics.warmed_up(path, 0, started, load_metrics.code_of(error))
        model.close()
        raise
    load_metrics.warmed_up(path, records, started)


def _wait_until_ready(manager: ModelManager) -> bool:
    """Waits for every model; True when a signal ended the wait."""
    while not manager.ready():
        if signal.sigtimedwait(_SIGNALS, 0.05):
            return True
    return False


def _start_grpc(flags: ParsedFlags, manager: ModelManager) -> grpc.Server:
    server = grpc_service.build_server(
        manager,
        flags["grpc_max_threads"],
        flags["grpc_channel_arguments"],
        flags["enable_serialization_as_tensor_content"],
        flags["enable_signature_method_name_check"],
    )
    try:
        if flags["port"]:
            server.add_insecure_port(f"0.0.0.0:{flags['port']}")
        if flags["grpc_socket_path"]:
            server.add_insecure_port(f"unix:{flags['grpc_socket_path']}")
    except RuntimeError as error:
        raise port_error(flags["port"], str(error)) from error
    server.start()
    if flags["port"]:
        logger.info("gRPC: listening on 0.0.0.0:%d", flags["port"])
    if flags["grpc_socket_path"]:
        logger.info("gRPC: listening on unix:%s", flags["grpc_socket_path"])
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


def _wait_for_signal() -> None:
    received = signal.sigwait(_SIGNALS)
    logger.info("%s: finishing the requests under way", signal.Signals(received).name)


def _drain(grpc_server: grpc.Server, rest_server: RestServer | None) -> None:
    """Refuses new requests and waits for those under way; a second signal ends the wait."""
    grpc_done = grpc_server.stop(grace=_DRAIN_S)
    if rest_server:
        rest_server.begin_stop()
    deadline = time.monotonic() + _DRAIN_S
    while time.monotonic() < deadline:
        if grpc_done.is_set() and (not rest_server or rest_server.stopped()):
            logger.info("stopped")
            return
        if signal.sigtimedwait(_SIGNALS, 0.02):
            logger.warning("second signal: requests under way are dropped")
            return
