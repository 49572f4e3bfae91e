"""What is in the Model Registry and on the endpoint, for people and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from infra.vertex import retries
from infra.vertex.clients import Clients
from infra.vertex.endpoints import find_endpoint, newest_first, split_of
from infra.vertex.errors import explained
from infra.vertex.model_versions import number_of, registered_versions
from infra.vertex.names import resource_id, same_resource

_ID_PREFIX = resource_id("")


def model_names(clients: Clients) -> Sequence[str]:
    """Names of the models that these commands have uploaded or made an endpoint for."""
    settings = clients.settings
    retry, only = retries.requests(settings), "labels.managed_by=bertline"
    with explained("list models and endpoints", "aiplatform", settings.project):
        models = clients.models.list_models(
            request={"parent": settings.parent, "filter": only}, retry=retry
        )
        endpoints = clients.endpoints.list_endpoints(
            request={"parent": settings.parent, "filter": only}, retry=retry
        )
        ids = {one.name.rpartition("/")[2].partition("@")[0] for one in (*models, *endpoints)}
    return sorted(one.removeprefix(_ID_PREFIX) for one in ids if one.startswith(_ID_PREFIX))


def rows(clients: Clients, model: str) -> list[dict[str, Any]]:
    """A row for each version of a model and each place where it is deployed, the newest first."""
    endpoint = find_endpoint(clients, model)
    deployed = newest_first(endpoint) if endpoint else []
    split = split_of(endpoint) if endpoint else {}
    found = []
    for version in sorted(registered_versions(clients, model), key=_id, reverse=True):
        of_version = [
            one
            for one in deployed
            if same_resource(one.model, version.name) and one.model_version_id == version.version_id
        ]
        row = {
            "model": model,
            "version": number_of(version),
            "registry_version": version.version_id,
            "image": version.container_spec.image_uri,
            "files": version.artifact_uri,
        }
        places = [
            {
                "deployed_model": one.id,
                "traffic": split.get(one.id, 0),
                "machine_type": one.dedicated_resources.machine_spec.machine_type,
                "replicas": f"{one.dedicated_resources.min_replica_count}-"
                f"{one.dedicated_resources.max_replica_count}",
            }
            for one in of_version
        ]
        found += [row | place for place in places or [{}]]
    return found


def _id(version: Any) -> int:
    return int(version.version_id)


def table(found: Sequence[dict[str, Any]]) -> Table:
    """The rows as a person reads them."""
    columns = (
        "model",
        "version",
        "registry_version",
        "traffic",
        "machine_type",
        "replicas",
        "files",
    )
    result = Table()
    for column in columns:
        result.add_column(column.replace("_", " "), overflow="fold")
    for row in found:
        cells = [str(row.get(column, "")) for column in columns]
        cells[3] += " %" if cells[3] else "not deployed"
        result.add_row(*cells)
    return result
