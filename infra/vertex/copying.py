"""A version's files into the bucket: those that are missing or differ, each checked by CRC32C."""

from collections.abc import Callable

from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from infra.vertex.buckets import STORAGE_COSTS
from infra.vertex.clients import Clients
from infra.vertex.errors import explained
from infra.vertex.steps import Step
from infra.vertex.version_files import LocalVersion, crc32c
from preprocessing.errors import InputError


def copy_step(clients: Clients, version: LocalVersion) -> Step[str]:
    """The folder in the bucket with all of a version's files; gives its gs:// address."""
    settings = clients.settings
    bucket = clients.storage.bucket(settings.bucket_name)
    address = f"gs://{settings.bucket_name}/{version.prefix}"
    what = f"copy {version.folder} to {address}"

    def missing() -> list[str]:
        with explained(what, "storage", settings.project):
            there = _checksums(clients, version)
        return [
            file
            for file in version.files
            if there.get(version.object_name(file)) != crc32c(version.folder / file)
        ]

    def find() -> str | None:
        return None if missing() else address

    def make(tell: Callable[[str], None]) -> str:
        files = missing()
        for place, file in enumerate(files, 1):
            tell(f"{file}, {version.files[file]:,} bytes, {place} of {len(files)} files")
            with explained(what, "storage", settings.project):
                _upload(clients, bucket, version, file)
        if left := missing():
            raise InputError(
                f"{address}/{version.number}/{left[0]} is another file than was copied: somebody "
                "else writes there, or the version changes. Run the command again when it is quiet."
            )
        return address

    return Step(
        title=f"files in {address}",
        find=find,
        make=make,
        would=f"copied from {version.folder} ({len(version.files)} files, {version.size:,} bytes)",
        costs=STORAGE_COSTS,
    )


def _checksums(clients: Clients, version: LocalVersion) -> dict[str, str]:
    """Object -> CRC32C of what is in the version's folder in the bucket; none without a bucket."""
    settings = clients.settings
    try:
        blobs = clients.storage.list_blobs(
            settings.bucket_name,
            prefix=f"{version.prefix}/",
            retry=DEFAULT_RETRY.with_timeout(settings.retry_s),
        )
        return {blob.name: blob.crc32c for blob in blobs}
    except exceptions.NotFound:
        return {}


def _upload(clients: Clients, bucket: storage.Bucket, version: LocalVersion, file: str) -> None:
    # The content is the same however often it is sent, so that it is sent again without condition.
    bucket.blob(version.object_name(file)).upload_from_filename(
        str(version.folder / file),
        content_type="application/octet-stream",
        checksum="crc32c",
        retry=DEFAULT_RETRY.with_timeout(clients.settings.retry_s),
    )
