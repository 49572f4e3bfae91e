"""GetModelMetadata: what a version's signatures are (API page, section 2.5)."""

from tensorflow_serving.apis import get_model_metadata_pb2

from serving.server.manager import ModelManager
from serving.server.prediction import resolve, spec_of
from serving.server.status import invalid_argument


def get_model_metadata(
    manager: ModelManager, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """All signatures of the version's MetaGraph.

    Raises:
        StatusError: another field is asked for, or nothing serves.
    """
    spec = spec_of(request)
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != "signature_def":
            raise invalid_argument(f"Metadata field {field} is not supported")
    with resolve(manager, spec) as servable:
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in servable.loaded_model.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = servable.version
        response.metadata["signature_def"].Pack(signatures)
        return response
