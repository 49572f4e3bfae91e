"""Whose project, where, and for how long: what every command takes, by flag or environment.

Imports no library of Google's: `--help` is fast.
"""

import argparse
import dataclasses
import importlib.metadata
import os
import re

from preprocessing.errors import InputError

DEFAULT_REGION = "us-central1"
DEFAULT_TIMEOUT_S = 3600.0
DEFAULT_RETRY_S = 120.0

_REGION = re.compile(r"[a-z]+(-[a-z]+)+\d+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a command works; nothing of it is kept anywhere."""

    project: str
    region: str = DEFAULT_REGION
    bucket: str = ""  # "": <project>-bertline
    vertex_endpoint: str = ""  # "": that of the region; http:// is for an emulator, without TLS
    timeout_s: float = DEFAULT_TIMEOUT_S  # of one operation in the cloud
    retry_s: float = DEFAULT_RETRY_S  # for which a request that failed in passing is sent again

    def __post_init__(self) -> None:
        if not self.project:
            raise InputError(
                "--project is not set, nor GOOGLE_CLOUD_PROJECT: expected the id of a Google Cloud "
                "project. `gcloud projects list` shows yours."
            )
        if not _REGION.fullmatch(self.region):
            raise InputError(f"--region is {self.region!r}, expected one such as us-central1.")
        if self.bucket.startswith("gs://") or not _BUCKET.fullmatch(self.bucket_name):
            raise InputError(
                f"--bucket is {self.bucket!r}, expected a bucket's name without gs://: 3 to 63 "
                "lower-case letters, digits, dashes and dots."
            )
        for flag in ("timeout_s", "retry_s"):
            if getattr(self, flag) <= 0:
                raise InputError(f"--{flag} is {getattr(self, flag):g}, expected seconds above 0.")

    @property
    def bucket_name(self) -> str:
        """The bucket that models and jobs use."""
        return self.bucket or f"{self.project}-bertline"

    @property
    def parent(self) -> str:
        """The name that Vertex AI's resources of this project and region begin with."""
        return f"projects/{self.project}/locations/{self.region}"

    def image(self, name: str) -> str:
        """One of infra/docker's images, in the project's Artifact Registry."""
        tag = importlib.metadata.version("bertline")
        return f"{self.region}-docker.pkg.dev/{self.project}/bertline/{name}:{tag}"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `Settings`; the environment gives their defaults."""
    group = parser.add_argument_group("where")
    group.add_argument("--project", help="default: GOOGLE_CLOUD_PROJECT")
    group.add_argument("--region", help=f"default: GOOGLE_CLOUD_REGION, or else {DEFAULT_REGION}")
    group.add_argument("--bucket", help="default: BERTLINE_BUCKET, or else <project>-bertline")
    group.add_argument(
        "--vertex_endpoint",
        metavar="URL",
        help="of the API; default: BERTLINE_VERTEX_ENDPOINT, or else the region's",
    )
    group.add_argument(
        "--timeout_s",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        help="how long to wait for an operation in the cloud (%(default)g); it goes on after that",
    )
    group.add_argument(
        "--retry_s",
        type=float,
        default=DEFAULT_RETRY_S,
        help="how long to try again what failed in passing (%(default)g)",
    )


def from_flags(flags: argparse.Namespace) -> Settings:
    """The settings of a command line.

    Raises:
        InputError: one of them cannot be right.
    """
    environment = os.environ.get
    return Settings(
        project=flags.project or environment("GOOGLE_CLOUD_PROJECT", ""),
        region=flags.region or environment("GOOGLE_CLOUD_REGION", "") or DEFAULT_REGION,
        bucket=flags.bucket or environment("BERTLINE_BUCKET", ""),
        vertex_endpoint=flags.vertex_endpoint or environment("BERTLINE_VERTEX_ENDPOINT", ""),
        timeout_s=flags.timeout_s,
        retry_s=flags.retry_s,
    )
