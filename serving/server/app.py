"""The server as a whole: models first, then the ports, then a graceful end."""

import functools
import logging
import signal
import time

import tensorflow as tf
from google.protobuf import text_format

from serving.server import (
    batching_setup,
    config,
    load_metrics,
    loader,
    monitoring_config,
    open_files,
    process_memory,
    reload,
    session_config,
    tls,
    warmup,
)
from serving.server.batching_setup import Batching
from serving.server.flags import ParsedFlags
from serving.server.manager import ManagerOptions, ModelManager
from serving.server.observation import ObservedModel
from serving.server.ports import Ports
from serving.server.preflight import StartError
from serving.server.session_config import LoadConfig
from serving.server.status import StatusError

logger = logging.getLogger(__name__)

_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def versions() -> str:
    """What `--version` prints."""
    return f"TensorFlow ModelServer: bertline embedded\nTensorFlow Library: {tf.__version__}"


def serve(flags: ParsedFlags) -> None:
    """Runs until SIGTERM or SIGINT, then answers what is under way.

    Raises:
        StartError: the flags, the models or the gRPC port do not allow it.
    """
    open_files.raise_limit()
    process_memory.reuse()
    metrics_path = monitoring_config.read_path(flags["monitoring_config_file"])
    credentials = tls.server_credentials(path) if (path := flags["ssl_config_file"]) else None
    batching, how = batching_setup.from_flags(flags), session_config.from_flags(flags)
    load = functools.partial(_load, flags, batching, how)
    manager = ModelManager(_models(flags), load, _options(flags))
    try:
        manager.start()
        stopped = _wait_until_ready(manager)
    except StatusError as error:
        raise StartError(f"Failed to start server. Error: {error}") from error
    if stopped:
        return
    manager.initial_loads_done()
    ports = Ports(flags, manager, credentials, metrics_path)
    config_file = _reread_config(flags, manager)
    received = signal.sigwait(_SIGNALS)
    logger.info("%s: finishing the requests under way", signal.Signals(received).name)
    config_file.stop()
    manager.stop()  # what serves goes on serving
    ports.drain(lambda: signal.sigtimedwait(_SIGNALS, 0.02) is not None)


def _reread_config(flags: ParsedFlags, manager: ModelManager) -> reload.ConfigFile:
    wait_s = flags["model_config_file_poll_wait_seconds"]
    config_file = reload.ConfigFile(flags["model_config_file"], manager, wait_s)
    if flags["model_config_file"] and wait_s:
        config_file.start()
    return config_file


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
