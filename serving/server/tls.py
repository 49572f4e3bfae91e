"""TLS for gRPC: `--ssl_config_file`, with or without certificates of the clients."""

import pathlib
import ssl
import tempfile

import grpc

from serving.server import text_configs
from serving.server.preflight import StartError

_FLAG = "ssl_config_file"


def server_credentials(path: str) -> grpc.ServerCredentials:
    """The credentials that a text SSLConfig describes; its fields hold PEM text, not paths.

    Raises:
        StartError: the file cannot be read, or what it holds is no key with its certificate.
    """
    config = text_configs.read(_FLAG, path, text_configs.SSLConfig)
    for field in ("server_key", "server_cert"):
        if not getattr(config, field):
            raise StartError(f"error: --{_FLAG}={path}: {field} is missing, expected PEM text")
    if config.client_verify and not config.custom_ca:
        raise StartError(
            f"error: --{_FLAG}={path}: client_verify without custom_ca, expected the PEM text of "
            "the authority that signs the clients' certificates"
        )
    _check_key_pair(path, config.server_key, config.server_cert)
    if config.custom_ca:
        _check_authority(path, config.custom_ca)
    pair = (config.server_key.encode(), config.server_cert.encode())
    authority = config.custom_ca.encode() or None
    return grpc.ssl_server_credentials([pair], authority, config.client_verify)


def _check_key_pair(path: str, key: str, certificate: str) -> None:
    """gRPC would say no more than that it cannot listen."""
    with tempfile.TemporaryDirectory() as folder:  # only its owner may enter it
        pem = pathlib.Path(folder, "pair.pem")
        pem.write_text(f"{key.strip()}\n{certificate.strip()}\n")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pem, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise StartError(
                f"error: --{_FLAG}={path}: server_key and server_cert are no pair ({error}), "
                "expected PEM text of a private key without password, and of its certificate"
            ) from error


def _check_authority(path: str, certificates: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=certificates)
    except ssl.SSLError as error:
        raise StartError(
            f"error: --{_FLAG}={path}: custom_ca holds no certificate ({error}), expected PEM text"
        ) from error


def _no_password() -> bytes:
    raise ValueError("the key has a password")
