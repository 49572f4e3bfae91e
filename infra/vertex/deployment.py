"""A version from its folder to an endpoint that answers."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint, Model

from infra.vertex import traffic
from infra.vertex.buckets import bucket_step
from infra.vertex.clients import Clients
from infra.vertex.copying import copy_step
from infra.vertex.endpoints import (
    endpoint_name,
    endpoint_step,
    existing_endpoint,
    find_endpoint,
    newest_first,
    split_of,
    traffic_step,
)
from infra.vertex.machines import Machines
from infra.vertex.model_versions import number_of, upload_step
from infra.vertex.names import same_resource
from infra.vertex.operations import making
from infra.vertex.serving_container import container_spec
from infra.vertex.steps import Step, Steps
from infra.vertex.version_files import LocalVersion, read_version

_DEPLOY = "DeployModelOperationMetadata"
_NEW = "0"  # the version that is just being deployed, in a traffic split


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is to be deployed, and how."""

    model_dir: pathlib.Path
    model: str  # its name
    number: int | None  # None: the newest
    image: str
    server_flags: Sequence[str]
    machines: Machines
    percent: int  # of the requests
    service_account: str


def deploy(clients: Clients, wanted: Deployment, dry_run: bool = False) -> DeployedModel | None:
    """Takes all steps from the folder to the endpoint, or in a dry run tells them.

    Returns:
        What is deployed; None after a dry run that found it is not.

    Raises:
        InputError: there is no such version, or a step fails.
    """
    traffic.check_percent(wanted.percent)
    version = read_version(wanted.model_dir, wanted.model, wanted.number)
    # Refuses a share that cannot be before anything is made.
    _split(find_endpoint(clients, wanted.model) or Endpoint(), _NEW, wanted.percent)
    steps = Steps(6, dry_run)
    steps.take(bucket_step(clients))
    copied = copy_step(clients, version)
    steps.take(copied)
    artifact_uri = f"gs://{clients.settings.bucket_name}/{version.prefix}"
    container = container_spec(wanted.image, wanted.model, wanted.server_flags)
    model = steps.take(upload_step(clients, version, artifact_uri, container))
    steps.take(endpoint_step(clients, wanted.model))
    deployed = steps.take(deploy_step(clients, wanted, version, model))
    steps.take(_share_step(clients, wanted, deployed))
    return deployed


def deploy_step(
    clients: Clients, wanted: Deployment, version: LocalVersion, model: Model | None
) -> Step[DeployedModel]:
    """The version on its machines. It gets its share of the requests once it answers.

    Args:
        clients: the clients.
        wanted: machines and share.
        version: which one.
        model: in the registry; None in a dry run, where it is not yet.
    """
    settings, name = clients.settings, endpoint_name(clients, wanted.model)
    what = f"deploy {version.model} version {version.number}"

    def find() -> DeployedModel | None:
        endpoint = find_endpoint(clients, wanted.model)
        return _deployed(endpoint, model, wanted.machines) if endpoint and model else None

    def start() -> Any:
        assert model is not None
        endpoint = existing_endpoint(clients, wanted.model)
        return clients.endpoints.deploy_model(
            endpoint=name,
            deployed_model=DeployedModel(
                model=f"{model.name.partition('@')[0]}@{model.version_id}",
                display_name=f"{version.model}-{number_of(model)}",
                dedicated_resources=wanted.machines.resources,
                service_account=wanted.service_account,
            ),
            traffic_split=_split(endpoint, _NEW, wanted.percent),
        )

    make = making(what, settings, clients.endpoints, find, name, _DEPLOY, start)

    return Step(
        title=f"{version.model} version {version.number} on the endpoint",
        find=find,
        make=make,
        would=f"deployed on {wanted.machines.text}",
        costs=f"{wanted.machines.text}, for each hour until it is undeployed, asked or not",
    )


def _share_step(
    clients: Clients, wanted: Deployment, deployed: DeployedModel | None
) -> Step[Endpoint]:
    """The version's share of the requests, where it was deployed before with another."""

    def split(endpoint: Endpoint) -> dict[str, int]:
        assert deployed is not None
        if split_of(endpoint).get(deployed.id, 0) == wanted.percent:
            return split_of(endpoint)
        return _split(endpoint, deployed.id, wanted.percent)

    step = traffic_step(clients, wanted.model, f"{wanted.percent} % of the requests", split)
    if deployed is None:
        return dataclasses.replace(step, find=lambda: None)
    return step


def _split(endpoint: Endpoint, target: str, percent: int) -> dict[str, int]:
    others = [one.id for one in newest_first(endpoint) if one.id != target]
    return traffic.shifted(split_of(endpoint), target, percent, others)


def _deployed(endpoint: Endpoint, model: Model, machines: Machines) -> DeployedModel | None:
    """The version on these machines, the last deployed of several."""
    for one in newest_first(endpoint):
        if (
            same_resource(one.model, model.name)
            and one.model_version_id == model.version_id
            and machines.are(one.dedicated_resources)
        ):
            return one
    return None
