"""What can be known to fail before TensorFlow is imported, which takes seconds."""

import logging
import os
import socket
import stat

from serving.server.flags import ParsedFlags

logger = logging.getLogger(__name__)

_MAX_SOCKET_PATH = 107  # bytes: sun_path of Linux, less the zero at its end


class StartError(Exception):
    """The server cannot start; the message is what its user reads."""


def check(flags: ParsedFlags) -> None:
    """Checks flags against each other and against this machine; logs those without effect.

    Raises:
        StartError: the server cannot start with them.
    """
    if flags["batching_parameters_file"] and not flags["enable_batching"]:
        raise StartError("error: --batching_parameters_file is set without --enable_batching")
    _check_models(flags)
    if flags["port"]:
        _check_port(flags["port"])
    elif not flags["grpc_socket_path"]:
        raise StartError("error: --port=0: expected a port, or --grpc_socket_path with it")
    if flags["grpc_socket_path"]:
        _check_socket_path(flags["grpc_socket_path"])
    if flags["use_alts_credentials"] and not flags["ssl_config_file"]:
        logger.warning(
            "the gRPC port is not encrypted: --use_alts_credentials has no effect here, "
            "--ssl_config_file has"
        )
    if flags["ssl_config_file"] and flags["rest_api_port"]:
        logger.warning("--ssl_config_file is for gRPC alone: the REST port is not encrypted")
    for name in flags.unsupported():
        logger.warning("--%s is accepted but not supported yet; it has no effect", name)


def _check_models(flags: ParsedFlags) -> None:
    config_file, base_path = flags["model_config_file"], flags["model_base_path"]
    if config_file:
        if not os.path.isfile(config_file):
            raise StartError(f"error: --model_config_file={config_file}: no such file")
    elif not base_path:
        raise StartError(
            "error: --model_base_path is missing: expected the absolute path of a folder of "
            "versions, or --model_config_file"
        )
    elif not os.path.isabs(base_path) and "://" not in base_path:
        raise StartError(
            f"error: --model_base_path: Expected model {flags['model_name']} to have an absolute "
            f"path or URI; got base_path()={base_path}. Give {os.path.abspath(base_path)}"
        )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as error:
            raise _port_error(port, str(error.strerror)) from error


def _check_socket_path(path: str) -> None:
    folder, length = os.path.dirname(path) or ".", len(os.fsencode(path))
    if length > _MAX_SOCKET_PATH:
        raise _socket_error(path, f"{length} bytes, of at most {_MAX_SOCKET_PATH}")
    if not os.path.isdir(folder):
        raise _socket_error(path, f"{folder} is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _socket_error(path, f"no files can be made in {folder}")
    if os.path.lexists(path) and not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise _socket_error(path, "there is something that is no socket")


def address_error(address: str, flags: ParsedFlags) -> StartError:
    """gRPC cannot listen on one of its addresses, though `check` has found nothing."""
    if not address.startswith("unix:"):
        return _port_error(flags["port"], "it was free before")
    return _socket_error(flags["grpc_socket_path"], "nothing was in its way before")


def _socket_error(path: str, reason: str) -> StartError:
    return StartError(
        f"error: --grpc_socket_path={path}: cannot listen for gRPC there ({reason}). Expected the "
        "path of a socket, or of nothing, in a folder where files can be made."
    )


def _port_error(port: int, reason: str) -> StartError:
    return StartError(
        f"error: --port={port}: cannot listen for gRPC there ({reason}). Stop the process that "
        "uses the port, or choose another one."
    )
