"""A real server in a process of its own, for tests to talk to."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import httpx
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

REPOSITORY = pathlib.Path(__file__).parents[2]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


class ServerProcess:
    """`python -m serving.server`, its ports, its log, and clients for it.

    The gRPC client is the one of tensorflow-serving-api, which knows nothing of our code.
    """

    def __init__(self, log: pathlib.Path, *flags: str, port: int = 0, rest_port: int | None = None):
        self.port = port or free_port()
        self.rest_port = free_port() if rest_port is None else rest_port
        self._log = log
        ports = [f"--port={self.port}", f"--rest_api_port={self.rest_port}"]
        command = [sys.executable, "-m", "serving.server", *ports, *flags]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, env=_ENVIRONMENT, stdout=file, stderr=subprocess.STDOUT
            )
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(f"localhost:{self.port}", options)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.http = httpx.Client(base_url=f"http://localhost:{self.rest_port}", timeout=60)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    def wait_for_log(self, text: str, timeout_s: float = 180, times: int = 1) -> None:
        """Waits until the log contains `text` so often."""
        deadline = time.monotonic() + timeout_s
        while self.log.count(text) < times:
            assert self.process.poll() is None, f"the server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"{text!r} is not in the log:\n{self.log}"
            time.sleep(0.02)

    def wait_until_ready(self) -> "ServerProcess":
        """Waits for gRPC, and for REST if it was asked for."""
        self.wait_for_log("gRPC: listening")
        if self.rest_port:
            self.wait_for_log("REST: ")
        return self

    def predict(
        self, model: str, version: int | None = None, **inputs: Any
    ) -> predict_pb2.PredictResponse:
        """Predict over gRPC with the default signature; inputs are made by make_tensor_proto."""
        request = predict_request(model, **inputs)
        if version is not None:
            request.model_spec.version.value = version
        return self.predictions.Predict(request, timeout=60)

    def status(self, model: str, version: int | None = None) -> list[tuple[int, str, str]]:
        """(version, state, error message) of each version, highest first."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        if version is not None:
            request.model_spec.version.value = version
        states = get_model_status_pb2.ModelVersionStatus.State
        return [
            (entry.version, states.Name(entry.state), entry.status.error_message)
            for entry in self.models.GetModelStatus(request, timeout=60).model_version_status
        ]

    def metadata(self, model: str) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """GetModelMetadata of the newest version."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = model
        return self.predictions.GetModelMetadata(request, timeout=60)

    def post(self, path: str, body: str | bytes, **headers: str) -> tuple[int, str]:
        """(status, body) of a POST to /v1/models/PATH."""
        response = self.http.post(f"/v1/models/{path}", content=body, headers=headers)
        return response.status_code, response.text

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Asks it to end; its exit status."""
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=60)

    def close(self) -> None:
        """Ends it whatever it does."""
        self.http.close()
        self.channel.close()
        self.process.kill()
        self.process.wait()


def predict_request(
    model: str, signature_name: str = "", **inputs: Any
) -> predict_pb2.PredictRequest:
    """A PredictRequest; inputs are made by make_tensor_proto."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature_name
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


def failure(method: Callable, request: Any, timeout_s: float = 60) -> tuple[grpc.StatusCode, str]:
    """The code and message with which a call fails."""
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=timeout_s)
    return caught.value.code(), caught.value.details()


def error(answer: tuple[int, str]) -> tuple[int, str]:
    """The status and message of a REST answer that is an error."""
    status, body = answer
    return status, json.loads(body)["error"]


@contextlib.contextmanager
def running_server(log: pathlib.Path, *flags: str, **ports: int) -> Iterator[ServerProcess]:
    """A server process that is gone at the end."""
    server = ServerProcess(log, *flags, **ports)
    try:
        yield server
    finally:
        server.close()


def run_server(*flags: str) -> subprocess.CompletedProcess:
    """A server that ends by itself: its exit status and output."""
    command = [sys.executable, "-m", "serving.server", *flags]
    return subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, timeout=180)


def model_list(models: dict[str, tuple[pathlib.Path, str]]) -> str:
    """A text ModelServerConfig: name -> base path and what else the model's config says."""
    configs = "\n".join(
        f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" {more} }}'
        for name, (base, more) in models.items()
    )
    return f"model_config_list {{ {configs} }}"


def write_config(path: pathlib.Path, models: dict[str, tuple[pathlib.Path, str]]) -> str:
    """A --model_config_file, as `model_list` has it."""
    path.write_text(model_list(models))
    return f"--model_config_file={path}"
