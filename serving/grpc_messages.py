"""What the client says over gRPC: requests, and how answers and errors are read."""

import dataclasses
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import grpc

from serving import protocol
from serving.errors import (
    KIND_OF_GRPC_CODE,
    InvalidResponse,
    ServerFault,
    ServingError,
    UntrustedServer,
)
from serving.protocol import DataType
from serving.results import Metadata, Signature, TensorSpec, VersionStatus
from serving.tensor_content import decode_numbers, decode_strings
from serving.transport import Deadline, Endpoint, Flow, ModelRef, is_about_certificates

_INTEGERS = {DataType.DT_INT64: "int64_val", DataType.DT_UINT32: "uint32_val",
             DataType.DT_UINT64: "uint64_val"}  # the others stand in int_val  # fmt: skip
_SIGNATURE_DEF = "signature_def"


@dataclasses.dataclass(frozen=True)
class GrpcRequest:
    """One message to send."""

    method: str  # a path, such as protocol.PREDICT
    message: Any
    model: ModelRef


class GrpcMessages:
    """See `Messages`: PredictionService and ModelService."""

    def predict(
        self, model: ModelRef, inputs: Mapping[str, Sequence[str]], signature_name: str
    ) -> Flow[dict[str, list[Any]]]:
        """See `Messages.predict`."""
        message = protocol.PredictRequest(model_spec=_model_spec(model, signature_name))
        for alias, texts in inputs.items():
            tensor = message.inputs[alias]
            tensor.dtype = DataType.DT_STRING
            tensor.tensor_shape.dim.add(size=len(texts))
            tensor.string_val.extend(text.encode() for text in texts)
        response = yield GrpcRequest(protocol.PREDICT, message, model)
        return {alias: _output(model, alias, tensor) for alias, tensor in response.outputs.items()}

    def status(self, model: ModelRef) -> Flow[list[VersionStatus]]:
        """See `Messages.status`."""
        message = protocol.GetModelStatusRequest(model_spec=_model_spec(model))
        response = yield GrpcRequest(protocol.GET_MODEL_STATUS, message, model)
        return [
            VersionStatus(
                entry.version,
                protocol.State(entry.state).name,
                entry.status.error_code,
                entry.status.error_message,
            )
            for entry in response.model_version_status
        ]

    def metadata(self, model: ModelRef) -> Flow[Metadata]:
        """See `Messages.metadata`."""
        message = protocol.GetModelMetadataRequest(
            model_spec=_model_spec(model), metadata_field=[_SIGNATURE_DEF]
        )
        response = yield GrpcRequest(protocol.GET_MODEL_METADATA, message, model)
        signatures = protocol.SignatureDefMap.FromString(response.metadata[_SIGNATURE_DEF].value)
        return Metadata(
            model.name,
            response.model_spec.version.value,
            {name: _signature(one) for name, one in sorted(signatures.signature_def.items())},
        )


def error_of(
    failure: grpc.RpcError, endpoint: Endpoint, request: GrpcRequest, deadline: Deadline
) -> ServingError:
    """What a failed call means to the user."""
    code, details = failure.code().name, failure.details() or ""
    kind = KIND_OF_GRPC_CODE.get(code, ServerFault)
    if code == "UNAVAILABLE" and is_about_certificates(details):
        kind, code = UntrustedServer, "UNAUTHENTICATED"
    return kind(f"{endpoint}: {request.model}: {details} ({code}, {deadline})", code)


def _model_spec(model: ModelRef, signature_name: str = "") -> Any:
    spec = protocol.ModelSpec(name=model.name, signature_name=signature_name)
    if model.version is not None:
        spec.version.value = model.version
    elif model.label is not None:
        spec.version_label = model.label
    return spec


def _signature(signature: Any) -> Signature:
    def specs(infos: Any) -> dict[str, TensorSpec]:
        return {alias: _tensor_spec(info) for alias, info in sorted(infos.items())}

    return Signature(signature.method_name, specs(signature.inputs), specs(signature.outputs))


def _tensor_spec(info: Any) -> TensorSpec:
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
    return TensorSpec(DataType(info.dtype).name, sizes)


def _output(model: ModelRef, alias: str, tensor: Any) -> Any:
    try:
        return _nested(alias, tensor)
    except ValueError as error:
        raise InvalidResponse(f"{model}: output {alias}: {error}") from error


def _nested(alias: str, tensor: Any) -> Any:
    """A tensor as nested lists, or as a bare value when it is a scalar."""
    values = iter(_values(alias, tensor))
    return _take([dim.size for dim in tensor.tensor_shape.dim], values)


def _take(sizes: Sequence[int], values: Iterator[Any]) -> Any:
    if not sizes:
        return next(values)
    return [_take(sizes[1:], values) for _ in range(sizes[0])]


def _values(alias: str, tensor: Any) -> Sequence[Any]:
    size = math.prod(dim.size for dim in tensor.tensor_shape.dim)
    content = tensor.tensor_content  # as --enable_serialization_as_tensor_content has it
    if tensor.dtype == DataType.DT_STRING:
        strings = decode_strings(content, size) if content else tensor.string_val
        if alias.endswith("_bytes"):
            return strings
        return [value.decode(errors="replace") for value in strings]
    numbers = decode_numbers(tensor.dtype, content, size) if content else _numbers(tensor)
    if tensor.dtype == DataType.DT_FLOAT:
        return list(map(shortest_float32, numbers))
    return numbers


def _numbers(tensor: Any) -> Sequence[Any]:
    if tensor.dtype == DataType.DT_FLOAT:
        return tensor.float_val
    if tensor.dtype == DataType.DT_DOUBLE:
        return tensor.double_val
    if tensor.dtype == DataType.DT_BOOL:
        return tensor.bool_val
    return getattr(tensor, _INTEGERS.get(tensor.dtype, "int_val"))


def shortest_float32(value: float) -> float:
    """The float32 `value` as REST writes it: 0.1, and not 0.10000000149011612."""
    if not math.isfinite(value):
        return value
    short = float(f"{value:g}")
    try:
        if struct.unpack("f", struct.pack("f", short))[0] == value:
            return short
    except OverflowError:  # rounded up beyond the largest float32
        pass
    return float(f"{value:.9g}")
