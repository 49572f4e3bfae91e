"""A model server that runs: it is given configs, and watched until a version answers."""

import time
from types import TracebackType
from typing import Any

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

from preprocessing.errors import InputError
from serving.errors import InvalidEndpoint
from serving.grpc_transport import open_channel
from serving.registry.config_file import ModelServerConfig
from serving.transport import Tls, check_tls, is_about_certificates, parse_endpoint

_State = get_model_status_pb2.ModelVersionStatus.State
_POLL_S = 0.2
_FIXES = {
    grpc.StatusCode.UNAVAILABLE: ". Is a server running there? The port is that of gRPC (--port, "
    "8500). Without --endpoint the config alone is changed.",
    grpc.StatusCode.DEADLINE_EXCEEDED: ". Is the server busy? --timeout_s gives it more time.",
}


class RunningServer:
    """TF Serving's ModelService at an address, as a `with` block holds it.

    Args:
        endpoint: grpc://HOST[:PORT], with TLS grpcs://, or grpc+unix:///PATH.
        timeout_s: of each wait for a version, and of each call.
        tls: see `Client`.

    Raises:
        InputError: it is no such address; from every method: the server refuses or is not there.
    """

    def __init__(self, endpoint: str, timeout_s: float, tls: Tls | None = None):
        self._endpoint, self._timeout_s = endpoint, timeout_s
        try:
            place = parse_endpoint(endpoint)
            if not place.is_grpc:
                raise InputError(
                    f"--endpoint {endpoint}: configs go over gRPC, expected grpc://HOST:8500 or "
                    "grpcs://HOST:8500."
                )
            checked = check_tls(place, tls)
        except InvalidEndpoint as error:
            raise InputError(f"--{error}") from error
        try:
            self._channel = open_channel(place, checked)
        except InvalidEndpoint as error:
            raise InputError(str(error)) from error
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self._channel.close()

    def apply(self, config: ModelServerConfig) -> None:
        """Replaces the server's whole config, as `--model_config_file` would give it."""
        request = model_management_pb2.ReloadConfigRequest(config=config)
        self._call("HandleReloadConfigRequest", request)

    def wait_until_available(self, name: str, version: int) -> None:
        """Waits until a version is loaded.

        Raises:
            InputError: it cannot be loaded, or not in time.
        """
        deadline = time.monotonic() + self._timeout_s
        state = "unknown to it"
        while time.monotonic() < deadline:
            found = self._status(name, version)
            if found is not None:
                state = _State.Name(found.state)
                if found.state == _State.AVAILABLE:
                    return
                if found.state == _State.END and found.status.error_code:
                    message = " ".join(found.status.error_message.split())
                    raise InputError(
                        f"--endpoint {self._endpoint}: {name} version {version} cannot be loaded "
                        f"there: {message}"
                    )
            time.sleep(_POLL_S)
        raise InputError(
            f"--endpoint {self._endpoint}: {name} version {version} is not available after "
            f"--timeout_s {self._timeout_s:g} (it is {state}). Does the server see the folder "
            "under the config's base_path (--base_path)?"
        )

    def _status(self, name: str, version: int) -> Any:
        """Its ModelVersionStatus; None while the server does not know it."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        response = self._call("GetModelStatus", request, unless=grpc.StatusCode.NOT_FOUND)
        found = response.model_version_status if response else ()
        return next((one for one in found if one.version == version), None)

    def _call(self, method: str, request: Any, unless: grpc.StatusCode | None = None) -> Any:
        try:
            return getattr(self._models, method)(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            if error.code() == unless:
                return None
            details = " ".join((error.details() or "").split())
            fix = _FIXES.get(error.code(), "")
            if is_about_certificates(details):
                fix = ". Its certificate is not trusted: see --ca_file and --server_name."
            raise InputError(
                f"--endpoint {self._endpoint}: {method} ended with {error.code().name}: "
                f"{details}{fix}"
            ) from error
