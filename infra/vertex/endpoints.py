"""Endpoints, and the versions that are deployed to them."""

from collections.abc import Callable, Sequence
from typing import Any

from google.api_core import exceptions
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint
from google.protobuf import field_mask_pb2

from infra.vertex import retries
from infra.vertex.clients import Clients
from infra.vertex.errors import explained
from infra.vertex.names import MANAGED_LABEL, resource_id
from infra.vertex.operations import making
from infra.vertex.steps import Step
from preprocessing.errors import InputError

_CREATE = "CreateEndpointOperationMetadata"


def endpoint_name(clients: Clients, model: str) -> str:
    """The full name of a model's endpoint."""
    return f"{clients.settings.parent}/endpoints/{resource_id(model)}"


def find_endpoint(clients: Clients, model: str) -> Endpoint | None:
    """A model's endpoint; None without it.

    Raises:
        InputError: it cannot be asked for, or is not one that these commands made.
    """
    settings, name = clients.settings, endpoint_name(clients, model)
    with explained(f"look at the endpoint of {model}", "aiplatform", settings.project):
        try:
            found = clients.endpoints.get_endpoint(name=name, retry=retries.requests(settings))
        except exceptions.NotFound as error:
            if "endpoints/" not in error.message:  # not the endpoint, but the API or the region
                raise
            return None
    if not MANAGED_LABEL.items() <= dict(found.labels).items():
        raise InputError(
            f"{name} has no label managed_by=bertline: others made it. Give the model another "
            "--name, or the endpoint the label."
        )
    return found


def existing_endpoint(clients: Clients, model: str) -> Endpoint:
    """A model's endpoint.

    Raises:
        InputError: there is none.
    """
    found = find_endpoint(clients, model)
    if found is None:
        raise InputError(
            f"{model} has no endpoint in project {clients.settings.project}, region "
            f"{clients.settings.region}. Make it: `python -m infra.vertex deploy MODEL_DIR`; "
            "`python -m infra.vertex list` shows what is there."
        )
    return found


def newest_first(endpoint: Endpoint) -> Sequence[DeployedModel]:
    """What is deployed to an endpoint, the last deployed first."""
    return sorted(endpoint.deployed_models, key=lambda one: one.create_time, reverse=True)


def endpoint_step(clients: Clients, model: str) -> Step[Endpoint]:
    """The endpoint of a model, made if it is missing."""
    settings, name = clients.settings, endpoint_name(clients, model)

    def start() -> Any:
        return clients.endpoints.create_endpoint(
            parent=settings.parent,
            endpoint=Endpoint(display_name=model, labels=MANAGED_LABEL),
            endpoint_id=resource_id(model),
        )

    def find() -> Endpoint | None:
        return find_endpoint(clients, model)

    make = making(
        f"create the endpoint of {model}", settings, clients.endpoints, find, name, _CREATE, start
    )

    return Step(
        title=f"endpoint {resource_id(model)}",
        find=find,
        make=make,
        would=f"created in {settings.region}",
    )


def traffic_step(
    clients: Clients, model: str, title: str, wanted: Callable[[Endpoint], dict[str, int]]
) -> Step[Endpoint]:
    """The endpoint with a traffic split, which is worked out from what is deployed."""
    settings = clients.settings

    def find() -> Endpoint | None:
        endpoint = find_endpoint(clients, model)
        if endpoint is None:
            return None
        return endpoint if split_of(endpoint) == wanted(endpoint) else None

    def make(_: Callable[[str], None]) -> Endpoint:
        endpoint = existing_endpoint(clients, model)
        endpoint = Endpoint(name=endpoint.name, traffic_split=wanted(endpoint), etag=endpoint.etag)
        with explained(f"move the traffic of {model}", "aiplatform", settings.project):
            return clients.endpoints.update_endpoint(
                request=aiplatform_v1.UpdateEndpointRequest(
                    endpoint=endpoint,
                    update_mask=field_mask_pb2.FieldMask(paths=["traffic_split"]),
                ),
                retry=retries.requests(settings),
            )

    return Step(title=title, find=find, make=make, would="moved")


def split_of(endpoint: Endpoint) -> dict[str, int]:
    """An endpoint's traffic split without those that have none."""
    return {key: percent for key, percent in endpoint.traffic_split.items() if percent}
