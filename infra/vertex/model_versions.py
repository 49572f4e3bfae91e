"""Versions of a model in Vertex AI's Model Registry."""

from collections.abc import Sequence

from google.api_core import exceptions
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import Model, ModelContainerSpec

from infra.vertex import retries
from infra.vertex.clients import Clients
from infra.vertex.errors import explained
from infra.vertex.names import MANAGED_LABEL, resource_id
from infra.vertex.operations import making
from infra.vertex.steps import Step
from infra.vertex.version_files import LocalVersion

NUMBER_LABEL = "bertline_version"  # the number that serving.export gave
_DIGEST_LABEL = "bertline_digest"
_UPLOAD = "UploadModelOperationMetadata"


def model_name(clients: Clients, model: str) -> str:
    """The full name of a model in the registry."""
    return f"{clients.settings.parent}/models/{resource_id(model)}"


def registered_versions(clients: Clients, model: str) -> Sequence[Model]:
    """All versions of a model, none where there is no such model."""
    settings = clients.settings
    retry = retries.requests(settings)
    with explained(f"list the versions of {model}", "aiplatform", settings.project):
        try:
            return list(
                clients.models.list_model_versions(name=model_name(clients, model), retry=retry)
            )
        except exceptions.NotFound as error:
            if _is_resource(error):
                return []
            raise


def _is_resource(error: exceptions.NotFound) -> bool:
    """Whether it is the model that is not there, and not the API or the region."""
    return "models/" in error.message


def upload_step(
    clients: Clients, version: LocalVersion, artifact_uri: str, container: ModelContainerSpec
) -> Step[Model]:
    """The version in the registry: these very files, served by this very container."""
    settings = clients.settings
    name = model_name(clients, version.model)
    what = f"upload {version.model} version {version.number} to the Model Registry"

    def find() -> Model | None:
        for model in registered_versions(clients, version.model):
            if model.artifact_uri == artifact_uri and _same(model.container_spec, container):
                return model
        return None

    def start() -> object:
        model = _model(version, artifact_uri, container)
        request = aiplatform_v1.UploadModelRequest(parent=settings.parent, model=model)
        if registered_versions(clients, version.model):
            request.parent_model = name
        else:
            request.model_id = resource_id(version.model)
        return clients.models.upload_model(request)

    make = making(what, settings, clients.models, find, name, _UPLOAD, start)

    return Step(
        title=f"{version.model} version {version.number} in the Model Registry",
        find=find,
        make=make,
        would=f"uploaded as a version of {resource_id(version.model)} with {container.image_uri}",
    )


def _same(a: ModelContainerSpec, b: ModelContainerSpec) -> bool:
    """Whether two containers are the same in all that is set here."""
    fields = ("image_uri", "command", "args", "predict_route", "health_route")
    return all(getattr(a, field) == getattr(b, field) for field in fields)


def _model(version: LocalVersion, artifact_uri: str, container: ModelContainerSpec) -> Model:
    return Model(
        display_name=version.model,
        artifact_uri=artifact_uri,
        container_spec=container,
        version_description=version.description,
        labels=MANAGED_LABEL
        | {NUMBER_LABEL: str(version.number), _DIGEST_LABEL: version.digest[:32]},
    )


def number_of(model: Model) -> str:
    """The number that serving.export gave, as text; "?" of a version that others uploaded."""
    return model.labels.get(NUMBER_LABEL, "?")
