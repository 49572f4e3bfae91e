"""The way back: traffic to the version before, versions off the endpoint, everything away."""

from collections.abc import Callable, Sequence
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint
from google.cloud.storage.retry import DEFAULT_RETRY

from infra.vertex import traffic
from infra.vertex.clients import Clients
from infra.vertex.endpoints import (
    endpoint_name,
    existing_endpoint,
    find_endpoint,
    newest_first,
    split_of,
    traffic_step,
)
from infra.vertex.errors import explained
from infra.vertex.model_versions import model_name, number_of, registered_versions
from infra.vertex.names import model_prefix, resource_id, same_resource
from infra.vertex.operations import making
from infra.vertex.steps import Step, Steps
from preprocessing.errors import InputError

_UNDEPLOY = "UndeployModelOperationMetadata"
_DELETE = "DeleteOperationMetadata"


def roll_back(clients: Clients, model: str, number: int | None, dry_run: bool = False) -> str:
    """Gives all requests to a version that is deployed already; one step, in one request.

    Args:
        clients: the clients.
        model: its name.
        number: which version; None: the one deployed before the one that answers now.
        dry_run: only tell.

    Returns:
        The id of the deployed model that takes them.

    Raises:
        InputError: there is none to go back to.
    """
    endpoint = existing_endpoint(clients, model)
    ids = [one.id for one in newest_first(endpoint)]
    if number is None:
        target = traffic.rolled_back(split_of(endpoint), ids)
    else:
        target = _of_version(clients, model, endpoint, number)[0].id
    title = f"all requests of {model} to version {_numbers(clients, model, endpoint)[target]}"
    Steps(1, dry_run).take(traffic_step(clients, model, title, lambda _: {target: 100}))
    return target


def undeploy(
    clients: Clients, model: str, number: int | None, all_of_them: bool, dry_run: bool = False
) -> None:
    """Takes versions off the endpoint: one, all, or those that get no requests.

    Raises:
        InputError: the version still gets requests, or is not deployed.
    """
    endpoint = existing_endpoint(clients, model)
    split = split_of(endpoint)
    chosen: Sequence[DeployedModel] = newest_first(endpoint)
    if number is not None:
        chosen = _of_version(clients, model, endpoint, number)
    elif not all_of_them:
        chosen = [one for one in chosen if one.id not in split]
    for one in chosen:
        if one.id in split and not all_of_them:
            raise InputError(
                f"version {number} of {model} answers {split[one.id]} % of the requests. Move them "
                "first (`rollback`, or `deploy` another version), or give --all."
            )
    _undeploy(clients, model, chosen, Steps(len(chosen), dry_run))


def delete(clients: Clients, model: str, with_bucket: bool = False, dry_run: bool = False) -> None:
    """Takes away all that `deploy` made of a model.

    Args:
        clients: the clients.
        model: its name.
        with_bucket: the bucket as well, if nothing else is in it.
        dry_run: only tell.

    Raises:
        InputError: something cannot be deleted.
    """
    endpoint = find_endpoint(clients, model)
    chosen = newest_first(endpoint) if endpoint else []
    steps = Steps(len(chosen) + 3 + with_bucket, dry_run)
    _undeploy(clients, model, chosen, steps)
    steps.take(_endpoint_gone(clients, model))
    steps.take(_model_gone(clients, model))
    steps.take(_files_gone(clients, model))
    if with_bucket:
        steps.take(_bucket_gone(clients))


def _undeploy(clients: Clients, model: str, chosen: Sequence[DeployedModel], steps: Steps) -> None:
    """Those without requests first: the last one may go with all of them."""
    endpoint = find_endpoint(clients, model)
    if endpoint is None:
        return
    numbers, split = _numbers(clients, model, endpoint), split_of(endpoint)
    for one in sorted(chosen, key=lambda one: split.get(one.id, 0)):
        steps.take(_undeployed(clients, model, one.id, numbers[one.id]))


def _undeployed(clients: Clients, model: str, deployed_id: str, number: str) -> Step[bool]:
    settings, name = clients.settings, endpoint_name(clients, model)

    def find() -> bool | None:
        endpoint = find_endpoint(clients, model)
        there = endpoint and any(one.id == deployed_id for one in endpoint.deployed_models)
        return None if there else True

    def start() -> Any:
        left = split_of(existing_endpoint(clients, model))
        if left.pop(deployed_id, 0) and left:
            heir = max(left, key=lambda key: left[key])
            left[heir] += 100 - sum(left.values())
        return clients.endpoints.undeploy_model(
            endpoint=name, deployed_model_id=deployed_id, traffic_split=left
        )

    what = f"undeploy {model} version {number}"
    make = making(what, settings, clients.endpoints, find, name, _UNDEPLOY, start)

    return Step(
        title=f"{model} version {number} ({deployed_id}) on the endpoint",
        find=find, make=make, would="undeployed", already="is gone",
    )  # fmt: skip


def _endpoint_gone(clients: Clients, model: str) -> Step[bool]:
    settings, name = clients.settings, endpoint_name(clients, model)

    def find() -> bool | None:
        return None if find_endpoint(clients, model) else True

    def start() -> Any:
        return clients.endpoints.delete_endpoint(name=name)

    make = making(
        f"delete the endpoint of {model}", settings, clients.endpoints, find, name, _DELETE, start
    )

    return Step(
        title=f"endpoint {resource_id(model)}",
        find=find, make=make, would="deleted", already="is gone",
    )  # fmt: skip


def _model_gone(clients: Clients, model: str) -> Step[bool]:
    settings, name = clients.settings, model_name(clients, model)

    def find() -> bool | None:
        return None if registered_versions(clients, model) else True

    def start() -> Any:
        return clients.models.delete_model(name=name)

    make = making(f"delete the model {model}", settings, clients.models, find, name, _DELETE, start)

    return Step(
        title=f"{model} in the Model Registry, all versions",
        find=find, make=make, would="deleted", already="is gone",
    )  # fmt: skip


def _files_gone(clients: Clients, model: str) -> Step[bool]:
    settings = clients.settings
    retry = DEFAULT_RETRY.with_timeout(settings.retry_s)
    address = f"gs://{settings.bucket_name}/{model_prefix(model)}"

    def blobs() -> list[Any]:
        with explained(f"list {address}", "storage", settings.project):
            try:
                found = clients.storage.list_blobs(
                    settings.bucket_name, prefix=model_prefix(model), retry=retry
                )
                return list(found)
            except exceptions.NotFound:  # no such bucket
                return []

    def make(_: Callable[[str], None]) -> bool:
        with explained(f"delete {address}", "storage", settings.project):
            clients.storage.bucket(settings.bucket_name).delete_blobs(
                blobs(), on_error=lambda _: None, retry=retry
            )
        return True

    return Step(
        title=f"files in {address}",
        find=lambda: None if blobs() else True,
        make=make, would="deleted", already="is gone",
    )  # fmt: skip


def _bucket_gone(clients: Clients) -> Step[bool]:
    settings = clients.settings
    name, retry = settings.bucket_name, DEFAULT_RETRY.with_timeout(settings.retry_s)

    def find() -> bool | None:
        with explained(f"look at the bucket gs://{name}", "storage", settings.project):
            return None if clients.storage.lookup_bucket(name, retry=retry) else True

    def make(_: Callable[[str], None]) -> bool:
        with explained(f"delete the bucket gs://{name}", "storage", settings.project):
            try:
                clients.storage.bucket(name).delete(retry=retry)
            except exceptions.Conflict as error:
                raise InputError(
                    f"the bucket gs://{name} is not empty, so it stays. See what is in it with "
                    f"`gcloud storage ls gs://{name}/**`."
                ) from error
            except exceptions.NotFound:  # of a request whose answer was lost
                pass
        return True

    return Step(
        title=f"bucket gs://{name}",
        find=find, make=make, would="deleted", already="is gone",
    )  # fmt: skip


def _of_version(
    clients: Clients, model: str, endpoint: Endpoint, number: int
) -> Sequence[DeployedModel]:
    numbers = _numbers(clients, model, endpoint)
    found = [one for one in newest_first(endpoint) if numbers[one.id] == str(number)]
    if not found:
        there = ", ".join(sorted(set(numbers.values()))) or "none"
        raise InputError(
            f"version {number} of {model} is not deployed, expected one of: {there}. Deploy it "
            f"with `python -m infra.vertex deploy MODEL_DIR --version {number}`."
        )
    return found


def _numbers(clients: Clients, model: str, endpoint: Endpoint) -> dict[str, str]:
    """Deployed model's id -> the number that serving.export gave its version."""
    versions = registered_versions(clients, model)
    return {
        one.id: next(
            (
                number_of(version)
                for version in versions
                if same_resource(one.model, version.name)
                and one.model_version_id == version.version_id
            ),
            "?",
        )
        for one in endpoint.deployed_models
    }
