"""The client's gRPC transport."""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import grpc

from serving import protocol
from serving.errors import KIND_OF_GRPC_CODE, ServerFault
from serving.protocol import DataType
from serving.results import Metadata, Signature, TensorSpec, VersionStatus
from serving.transport import Endpoint, ModelRef

_INTEGERS = {DataType.DT_INT64: "int64_val", DataType.DT_UINT32: "uint32_val",
             DataType.DT_UINT64: "uint64_val"}  # the others stand in int_val  # fmt: skip
_SIGNATURE_DEF = "signature_def"


class GrpcTransport:
    """Speaks to PredictionService and ModelService over one channel."""

    def __init__(self, endpoint: Endpoint):
        self._name = f"grpc://{endpoint.address}"
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        if endpoint.is_loopback:
            options.append(("grpc.enable_http_proxy", 0))
        self._channel = grpc.insecure_channel(endpoint.address, options)
        self._predict = self._method(protocol.PREDICT, protocol.PredictResponse)
        self._metadata = self._method(
            protocol.GET_MODEL_METADATA, protocol.GetModelMetadataResponse
        )
        self._status = self._method(protocol.GET_MODEL_STATUS, protocol.GetModelStatusResponse)

    def predict(
        self,
        model: ModelRef,
        inputs: Mapping[str, Sequence[str]],
        signature_name: str,
        timeout_s: float,
    ) -> dict[str, list[Any]]:
        """See `Transport.predict`."""
        request = protocol.PredictRequest(model_spec=_model_spec(model, signature_name))
        for alias, texts in inputs.items():
            tensor = request.inputs[alias]
            tensor.dtype = DataType.DT_STRING
            tensor.tensor_shape.dim.add(size=len(texts))
            tensor.string_val.extend(text.encode() for text in texts)
        response = self._call(self._predict, request, model, timeout_s)
        return {alias: _nested(alias, tensor) for alias, tensor in response.outputs.items()}

    def status(self, model: ModelRef, timeout_s: float) -> list[VersionStatus]:
        """See `Transport.status`."""
        request = protocol.GetModelStatusRequest(model_spec=_model_spec(model))
        response = self._call(self._status, request, model, timeout_s)
        return [
            VersionStatus(
                entry.version,
                protocol.State(entry.state).name,
                entry.status.error_code,
                entry.status.error_message,
            )
            for entry in response.model_version_status
        ]

    def metadata(self, model: ModelRef, timeout_s: float) -> Metadata:
        """See `Transport.metadata`."""
        request = protocol.GetModelMetadataRequest(
            model_spec=_model_spec(model), metadata_field=[_SIGNATURE_DEF]
        )
        response = self._call(self._metadata, request, model, timeout_s)
        signatures = protocol.SignatureDefMap.FromString(response.metadata[_SIGNATURE_DEF].value)
        return Metadata(
            model.name,
            response.model_spec.version.value,
            {name: _signature(one) for name, one in sorted(signatures.signature_def.items())},
        )

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _method(self, path: str, response: Any) -> grpc.UnaryUnaryMultiCallable:
        return self._channel.unary_unary(
            path,
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response.FromString,
        )

    def _call(self, method: Any, request: Any, model: ModelRef, timeout_s: float) -> Any:
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            code = error.code().name
            kind = KIND_OF_GRPC_CODE.get(code, ServerFault)
            raise kind(
                f"{self._name}: {model}: {error.details()} ({code}, deadline {timeout_s:g} s)"
            ) from error


def _model_spec(model: ModelRef, signature_name: str = "") -> Any:
    spec = protocol.ModelSpec(name=model.name, signature_name=signature_name)
    if model.version is not None:
        spec.version.value = model.version
    return spec


def _signature(signature: Any) -> Signature:
    def specs(infos: Any) -> dict[str, TensorSpec]:
        return {alias: _tensor_spec(info) for alias, info in sorted(infos.items())}

    return Signature(signature.method_name, specs(signature.inputs), specs(signature.outputs))


def _tensor_spec(info: Any) -> TensorSpec:
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
    return TensorSpec(DataType(info.dtype).name, sizes)


def _nested(alias: str, tensor: Any) -> Any:
    """A tensor as nested lists, or as a bare value when it is a scalar."""
    values = iter(_values(alias, tensor))
    return _take([dim.size for dim in tensor.tensor_shape.dim], values)


def _take(sizes: Sequence[int], values: Iterator[Any]) -> Any:
    if not sizes:
        return next(values)
    return [_take(sizes[1:], values) for _ in range(sizes[0])]


def _values(alias: str, tensor: Any) -> Sequence[Any]:
    if tensor.dtype == DataType.DT_STRING:
        if alias.endswith("_bytes"):
            return tensor.string_val
        return [value.decode(errors="replace") for value in tensor.string_val]
    if tensor.dtype == DataType.DT_FLOAT:
        return list(map(shortest_float32, tensor.float_val))
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
