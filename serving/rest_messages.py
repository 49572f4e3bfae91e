"""What the client says over REST: requests, and how answers and errors are read."""

import base64
import dataclasses
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from serving.errors import KIND_OF_HTTP_STATUS, InvalidResponse, ServerFault
from serving.results import Metadata, Signature, TensorSpec, VersionStatus
from serving.transport import Endpoint, Flow, ModelRef

# error_code of a version's status; the rest of the canonical codes have the same names as here.
_CODES = ("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
          "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
          "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
          "UNAUTHENTICATED")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class RestRequest:
    """One HTTP request; its answer is the JSON object of the body."""

    method: str
    path: str
    model: ModelRef
    content: bytes | None = None


class RestMessages:
    """See `Messages`: the API under /v1/models."""

    def __init__(self, endpoint: Endpoint):
        self._endpoint = endpoint
        self._only_output: dict[tuple[ModelRef, str], str] = {}

    def predict(
        self, model: ModelRef, inputs: Mapping[str, Sequence[str]], signature_name: str
    ) -> Flow[dict[str, list[Any]]]:
        """See `Messages.predict`."""
        body: dict[str, Any] = {"inputs": {alias: list(texts) for alias, texts in inputs.items()}}
        if signature_name:
            body["signature_name"] = signature_name
        content = json.dumps(body).encode()
        answer = yield RestRequest("POST", f"{_path(model)}:predict", model, content)
        outputs = self._member(answer, "outputs", model)
        if not isinstance(outputs, dict) or outputs.keys() == {"b64"}:
            alias = yield from self._output_alias(model, signature_name)
            outputs = {alias: outputs}
        return {
            alias: _decoded(tensor) if alias.endswith("_bytes") else tensor
            for alias, tensor in outputs.items()
        }

    def status(self, model: ModelRef) -> Flow[list[VersionStatus]]:
        """See `Messages.status`."""
        answer = yield RestRequest("GET", _path(model), model)
        return [
            VersionStatus(
                int(entry["version"]),
                entry["state"],
                _CODES.index(entry["status"]["error_code"]),
                entry["status"]["error_message"],
            )
            for entry in self._member(answer, "model_version_status", model)
        ]

    def metadata(self, model: ModelRef) -> Flow[Metadata]:
        """See `Messages.metadata`."""
        answer = yield RestRequest("GET", f"{_path(model)}/metadata", model)
        signatures = self._member(answer, "metadata", model)["signature_def"]["signature_def"]
        return Metadata(
            model.name,
            int(self._member(answer, "model_spec", model)["version"]),
            {name: _signature(one) for name, one in sorted(signatures.items())},
        )

    def _output_alias(self, model: ModelRef, signature_name: str) -> Flow[str]:
        """REST leaves out the alias of an only output; the signature knows it."""
        key = (model, signature_name)
        if key not in self._only_output:
            metadata = yield from self.metadata(model)
            (alias,) = metadata.signatures[signature_name or "serving_default"].outputs
            self._only_output[key] = alias
        return self._only_output[key]

    def _member(self, answer: Mapping[str, Any], key: str, model: ModelRef) -> Any:
        if key not in answer:
            raise InvalidResponse(f"{self._endpoint}: {model}: no {key!r} in the answer")
        return answer[key]


def read_answer(status: int, data: bytes, place: str) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        ServingError: it is an error, or no such object.
    """
    try:
        answer = json.loads(data.decode(errors="replace"))
    except ValueError:
        answer = None
    if status != 200:
        message = answer.get("error") if isinstance(answer, dict) else ""
        kind = KIND_OF_HTTP_STATUS.get(status, ServerFault)
        message = message or data.decode(errors="replace") or "no reason given"
        raise kind(f"{place}: {message} (HTTP {status})", f"HTTP {status}")
    if not isinstance(answer, dict):
        raise InvalidResponse(f"{place}: expected a JSON object, got {data[:100]!r}")
    return answer


def _path(model: ModelRef) -> str:
    path = f"/v1/models/{_quoted(model.name)}"
    if model.version is not None:
        return f"{path}/versions/{model.version}"
    return path if model.label is None else f"{path}/labels/{_quoted(model.label)}"


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


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
