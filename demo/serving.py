"""The embedded server under the demo: its config, its ports, and when it is ready."""

import contextlib
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from demo.processes import child
from demo.stages import MODELS
from preprocessing.errors import InputError
from serving.client import NO_RETRIES, Client
from serving.errors import ServingError
from serving.model_dir import newest_version

START_TIMEOUT_S = 120.0


def write_models_config(models_dir: pathlib.Path, path: pathlib.Path) -> None:
    """Writes a ModelServerConfig for the demo's models.

    Raises:
        InputError: a model has no version yet.
    """
    for name in MODELS.values():
        newest_version(models_dir / name)
    entries = (
        f'  config {{ name: "{name}" base_path: "{(models_dir / name).resolve()}" '
        'model_platform: "tensorflow" }\n'
        for name in MODELS.values()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"model_config_list {{\n{''.join(entries)}}}\n")


def server_command(config: pathlib.Path, port: int, rest_port: int) -> list[str]:
    """The command of the embedded server."""
    return [
        *(sys.executable, "-m", "serving.server"),
        *(f"--port={port}", f"--rest_api_port={rest_port}", f"--model_config_file={config}"),
    ]


def free_ports(count: int) -> list[int]:
    """TCP ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running_server(config: pathlib.Path, log: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Runs the server on free ports for the length of a block; gives its gRPC and REST endpoints.

    Raises:
        InputError: it does not serve within START_TIMEOUT_S; names its log.
    """
    port, rest_port = free_ports(2)
    with (
        log.open("w") as output,
        child(server_command(config, port, rest_port), stdout=output, stderr=output) as process,
    ):
        endpoints = f"grpc://localhost:{port}", f"http://localhost:{rest_port}"
        _wait_until_ready(process, endpoints, log)
        yield endpoints


def _wait_until_ready(
    process: subprocess.Popen, endpoints: tuple[str, str], log: pathlib.Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if all(_serves(endpoint) for endpoint in endpoints):
            return
        time.sleep(0.2)
    raise InputError(f"the server is not ready after {START_TIMEOUT_S:.0f} s: see {log}.")


def _serves(endpoint: str) -> bool:
    try:
        with Client(endpoint, timeout_s=2.0, retries=NO_RETRIES) as client:
            statuses = [client.status(name) for name in MODELS.values()]
        return all(any(each.state == "AVAILABLE" for each in known) for known in statuses)
    except ServingError:
        return False
