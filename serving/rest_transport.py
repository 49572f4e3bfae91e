"""The client's REST transport."""

import base64
import json
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from serving.errors import (
    KIND_OF_HTTP_STATUS,
    DeadlineExceeded,
    InvalidResponse,
    ServerFault,
    Unavailable,
)
from serving.results import Metadata, Signature, TensorSpec, VersionStatus
from serving.transport import Endpoint, ModelRef

# error_code of a version's status; the rest of the canonical codes have the same names as here.
_CODES = ("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
          "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
          "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
          "UNAUTHENTICATED")  # fmt: skip


class RestTransport:
    """Speaks HTTP/1.1 with keep-alive to /v1/models."""

    def __init__(self, endpoint: Endpoint):
        self._name = f"{endpoint.scheme}://{endpoint.address}"
        self._http = httpx.Client(base_url=self._name, trust_env=not endpoint.is_loopback)
        self._only_output: dict[tuple[ModelRef, str], str] = {}

    def predict(
        self,
        model: ModelRef,
        inputs: Mapping[str, Sequence[str]],
        signature_name: str,
        timeout_s: float,
    ) -> dict[str, list[Any]]:
        """See `Transport.predict`."""
        deadline = time.monotonic() + timeout_s
        body: dict[str, Any] = {"inputs": {alias: list(texts) for alias, texts in inputs.items()}}
        if signature_name:
            body["signature_name"] = signature_name
        answer = self._call("POST", f"{_path(model)}:predict", model, timeout_s, body)
        outputs = self._member(answer, "outputs", model)
        if not isinstance(outputs, dict) or outputs.keys() == {"b64"}:
            remaining = max(deadline - time.monotonic(), 0.001)
            outputs = {self._output_alias(model, signature_name, remaining): outputs}
        return {
            alias: _decoded(tensor) if alias.endswith("_bytes") else tensor
            for alias, tensor in outputs.items()
        }

    def status(self, model: ModelRef, timeout_s: float) -> list[VersionStatus]:
        """See `Transport.status`."""
        answer = self._call("GET", _path(model), model, timeout_s)
        return [
            VersionStatus(
                int(entry["version"]),
                entry["state"],
                _CODES.index(entry["status"]["error_code"]),
                entry["status"]["error_message"],
            )
            for entry in self._member(answer, "model_version_status", model)
        ]

    def metadata(self, model: ModelRef, timeout_s: float) -> Metadata:
        """See `Transport.metadata`."""
        answer = self._call("GET", f"{_path(model)}/metadata", model, timeout_s)
        signatures = self._member(answer, "metadata", model)["signature_def"]["signature_def"]
        return Metadata(
            model.name,
            int(self._member(answer, "model_spec", model)["version"]),
            {name: _signature(one) for name, one in sorted(signatures.items())},
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _output_alias(self, model: ModelRef, signature_name: str, timeout_s: float) -> str:
        """REST leaves out the alias of an only output; the signature knows it."""
        key = (model, signature_name)
        if key not in self._only_output:
            signatures = self.metadata(model, timeout_s).signatures
            (alias,) = signatures[signature_name or "serving_default"].outputs
            self._only_output[key] = alias
        return self._only_output[key]

    def _call(
        self, method: str, path: str, model: ModelRef, timeout_s: float, body: Any = None
    ) -> Any:
        deadline = time.monotonic() + timeout_s
        place = f"{self._name}: {model}"
        content = None if body is None else json.dumps(body).encode()
        try:
            with self._http.stream(method, path, content=content, timeout=timeout_s) as response:
                data = bytearray()
                for chunk in response.iter_bytes():
                    data += chunk
                    if time.monotonic() > deadline:  # httpx bounds each read, not their sum
                        raise httpx.ReadTimeout("the answer takes too long")
        except httpx.TimeoutException as error:
            raise DeadlineExceeded(f"{place}: no answer (deadline {timeout_s:g} s)") from error
        except httpx.TransportError as error:
            raise Unavailable(f"{place}: {error} (deadline {timeout_s:g} s)") from error
        return self._read(response.status_code, bytes(data), place)

    def _read(self, status: int, data: bytes, place: str) -> Any:
        try:
            answer = json.loads(data.decode(errors="replace"))
        except ValueError:
            answer = None
        if status != 200:
            message = answer.get("error") if isinstance(answer, dict) else ""
            kind = KIND_OF_HTTP_STATUS.get(status, ServerFault)
            message = message or data.decode(errors="replace") or "no reason given"
            raise kind(f"{place}: {message} (HTTP {status})")
        if not isinstance(answer, dict):
            raise InvalidResponse(f"{place}: expected a JSON object, got {data[:100]!r}")
        return answer

    def _member(self, answer: Mapping[str, Any], key: str, model: ModelRef) -> Any:
        if key not in answer:
            raise InvalidResponse(f"{self._name}: {model}: no {key!r} in the answer")
        return answer[key]


def _path(model: ModelRef) -> str:
    name = urllib.parse.quote(model.name, safe="")
    return f"/v1/models/{name}" + ("" if model.version is None else f"/versions/{model.version}")


def _signature(signature: Mapping[str, Any]) -> Signature:
    def specs(infos: Mapping[str, Any]) -> dict[str, TensorSpec]:
        return {alias: _tensor_spec(info) for alias, info in sorted(infos.items())}

    inputs, outputs = specs(signature["inputs"]), specs(signature["outputs"])
    return Signature(signature["method_name"], inputs, outputs)


def _tensor_spec(info: Mapping[str, Any]) -> TensorSpec:
    shape = info["tensor_shape"]
    sizes = tuple(int(dim["size"]) for dim in shape["dim"])
    return TensorSpec(info["dtype"], None if shape["unknown_rank"] else sizes)


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return base64.b64decode(value["b64"])
