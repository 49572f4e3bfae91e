"""Which version a request means, Predict, and GetModelStatus, whatever the transport."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from serving.server import tensors
from serving.server.loader import LoadedModel
from serving.server.manager import ModelManager
from serving.server.servable import Servable
from serving.server.status import Code, StatusError, invalid_argument

DEFAULT_SIGNATURE = "serving_default"


class HasModelSpec(Protocol):
    """A request that says which model it means."""

    model_spec: model_pb2.ModelSpec

    def HasField(self, name: str) -> bool:  # noqa: N802 - as protobuf messages have it
        """Whether the field is there."""


def spec_of(request: HasModelSpec) -> model_pb2.ModelSpec:
    """A request's `model_spec`; raises StatusError when there is none."""
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    return request.model_spec


@contextlib.contextmanager
def resolve(manager: ModelManager, spec: model_pb2.ModelSpec) -> Iterator[Servable]:
    """Borrows the version that a `model_spec` names.

    Raises:
        StatusError: it names nothing that serves.
    """
    if not spec.name:
        raise invalid_argument("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    version = spec.version.value if choice == "version" else None
    label = spec.version_label if choice == "version_label" else None
    with manager.borrow(spec.name, version, label) as servable:
        yield servable


def effective_spec(requested: model_pb2.ModelSpec, version: int) -> model_pb2.ModelSpec:
    """The model_spec of a response: the name as requested, and what was chosen for the rest."""
    spec = model_pb2.ModelSpec(
        name=requested.name, signature_name=requested.signature_name or DEFAULT_SIGNATURE
    )
    spec.version.value = version
    return spec


def predict(
    manager: ModelManager,
    request: predict_pb2.PredictRequest,
    timeout_s: float | None = None,
    as_content: bool = False,
) -> predict_pb2.PredictResponse:
    """Predict. `as_content` answers with `tensor_content` in place of typed fields.

    Raises:
        StatusError: the request cannot be answered.
    """
    with resolve(manager, spec_of(request)) as servable:
        outputs = predict_with(servable.loaded_model, request, timeout_s)
        response = predict_pb2.PredictResponse(
            model_spec=effective_spec(request.model_spec, servable.version)
        )
        for alias, array in outputs.items():
            response.outputs[alias].CopyFrom(tensors.to_proto(array, as_content))
        return response


def predict_with(
    model: LoadedModel, request: predict_pb2.PredictRequest, timeout_s: float | None = None
) -> dict[str, np.ndarray]:
    """The outputs, by alias, of this very model, whatever the request's model_spec says."""

    def decode(alias: str) -> np.ndarray:
        try:
            return tensors.to_array(request.inputs[alias])
        except tensors.TensorParsingError:
            raise invalid_argument(f"tensor parsing error: {alias}") from None

    return run_signature(
        model,
        request.model_spec.signature_name,
        sorted(request.inputs),
        decode,
        request.output_filter,
        timeout_s,
    )


def run_signature(
    model: LoadedModel,
    signature_name: str,
    given: Sequence[str],
    value_of: Callable[[str], np.ndarray],
    output_filter: Sequence[str] = (),
    timeout_s: float | None = None,
) -> dict[str, np.ndarray]:
    """Runs one signature, with the checks of Predict in their order.

    Args:
        signature_name: "" means the default one.
        given: aliases of the inputs that were sent, sorted.
        value_of: gives the value of one of them.
        output_filter: aliases of the outputs to return; all when empty.

    Returns:
        The outputs by alias.

    Raises:
        StatusError: see the API page, section 2.2.
    """
    signature_name = signature_name or DEFAULT_SIGNATURE
    if signature_name not in model.signatures:
        raise StatusError(
            Code.FAILED_PRECONDITION, f'Serving signature key "{signature_name}" not found.'
        )
    signature = model.signatures[signature_name]
    _check_number_of_inputs(signature, given)
    feeds = _feeds(signature, given, value_of)
    aliases = _output_aliases(signature, output_filter)
    fetches = [signature.outputs[alias].name for alias in aliases]
    arrays = model.run(feeds, fetches, timeout_s)
    return dict(zip(aliases, arrays, strict=True))


def _check_number_of_inputs(signature: meta_graph_pb2.SignatureDef, given: Sequence[str]) -> None:
    wanted = signature.inputs.keys()
    too_few = len(given) < len(wanted) and not signature.defaults
    if len(given) > len(wanted) or too_few:
        raise invalid_argument(
            f"input size does not match signature: {len(given)}!={len(wanted)} "
            f"len({{{_names(given)}}}) != len({{{_names(wanted)}}}). "
            f"Sent extra: {{{_names(set(given) - set(wanted))}}}. "
            f"Missing but required: {{{_names(set(wanted) - set(given))}}}."
        )


def _feeds(
    signature: meta_graph_pb2.SignatureDef,
    given: Sequence[str],
    value_of: Callable[[str], np.ndarray],
) -> Mapping[str, np.ndarray]:
    feeds, used = {}, []
    for alias in sorted(signature.inputs):
        feed_name = signature.inputs[alias].name
        if alias in given:
            feeds[feed_name] = value_of(alias)
            used.append(alias)
        elif alias in signature.defaults:
            feeds[feed_name] = tensors.to_array(signature.defaults[alias])
        else:
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {feed_name}) not found in request and "
                "no default value provided. Inputs expected to be in the request "
                f"{{{_names(signature.inputs)}}}, or default input alias set: "
                f"{_names(signature.defaults)}"
            )
    if len(used) < len(given):
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {_names(used)}, request input: "
            f"{_names(given)}"
        )
    return feeds


def _output_aliases(
    signature: meta_graph_pb2.SignatureDef, output_filter: Sequence[str]
) -> list[str]:
    chosen: list[str] = []
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in "
                f"the set {{{_names(signature.outputs)}}}."
            )
        if alias in chosen:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
        chosen.append(alias)
    return chosen or sorted(signature.outputs)


def _names(names: Iterable[str]) -> str:
    return ",".join(sorted(names))


def get_model_status(
    manager: ModelManager, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """GetModelStatus: one version, or all that were ever known, highest first.

    Raises:
        StatusError: nothing is known.
    """
    spec = spec_of(request)
    statuses = manager.statuses(spec.name)
    if spec.WhichOneof("version_choice") == "version":
        statuses = [status for status in statuses if status[0] == spec.version.value]
        missing = f"Could not find version {spec.version.value} of model {spec.name}"
    else:
        missing = f"Could not find any versions of model {spec.name}"
    if not statuses:
        raise StatusError(Code.NOT_FOUND, missing)
    response = get_model_status_pb2.GetModelStatusResponse()
    for version, state, error in statuses:
        entry = response.model_version_status.add(version=version, state=int(state))
        entry.status.error_code = error.code if error else Code.OK
        entry.status.error_message = error.message if error else ""
    return response
