"""The bucket that holds models, data sets and runs."""

from collections.abc import Callable

from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from infra.vertex.clients import Clients
from infra.vertex.errors import explained
from infra.vertex.names import MANAGED_LABEL
from infra.vertex.steps import Step

STORAGE_COSTS = "storage, for each GB and month"


def bucket_step(clients: Clients) -> Step[storage.Bucket]:
    """The bucket, made in the region if it is missing, closed to the public."""
    settings = clients.settings
    name = settings.bucket_name
    retry = DEFAULT_RETRY.with_timeout(settings.retry_s)

    def find() -> storage.Bucket | None:
        with explained(f"look at the bucket gs://{name}", "storage", settings.project):
            return clients.storage.lookup_bucket(name, retry=retry)

    def make(_: Callable[[str], None]) -> storage.Bucket:
        bucket = clients.storage.bucket(name)
        bucket.iam_configuration.uniform_bucket_level_access_enabled = True
        bucket.iam_configuration.public_access_prevention = "enforced"
        bucket.labels = MANAGED_LABEL
        with explained(f"create the bucket gs://{name}", "storage", settings.project):
            try:
                return clients.storage.create_bucket(bucket, location=settings.region, retry=retry)
            except exceptions.Conflict:  # also of a request whose answer was lost
                return clients.storage.get_bucket(name, retry=retry)

    return Step(
        title=f"bucket gs://{name}",
        find=find,
        make=make,
        would=f"created in {settings.region}",
        costs=STORAGE_COSTS,
    )
