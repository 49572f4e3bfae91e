"""Google's own clients, made once each: for the region's endpoint, or for an emulator."""

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from google.api_core.client_options import ClientOptions

from infra.vertex.errors import explained
from infra.vertex.settings import Settings

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud import aiplatform_v1, storage

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_PLAIN = "http://"  # an emulator's: no TLS, and no credentials are sent


@dataclasses.dataclass(frozen=True)
class Clients:
    """The clients of one project and region, with Application Default Credentials."""

    settings: Settings

    @functools.cached_property
    def models(self) -> "aiplatform_v1.ModelServiceClient":
        """Of the Model Registry."""
        from google.cloud import aiplatform_v1

        return self._vertex(aiplatform_v1.ModelServiceClient)

    @functools.cached_property
    def endpoints(self) -> "aiplatform_v1.EndpointServiceClient":
        """Of endpoints and what is deployed to them."""
        from google.cloud import aiplatform_v1

        return self._vertex(aiplatform_v1.EndpointServiceClient)

    @functools.cached_property
    def predictions(self) -> "aiplatform_v1.PredictionServiceClient":
        """Of answers."""
        from google.cloud import aiplatform_v1

        return self._vertex(aiplatform_v1.PredictionServiceClient)

    @functools.cached_property
    def jobs(self) -> "aiplatform_v1.JobServiceClient":
        """Of training jobs."""
        from google.cloud import aiplatform_v1

        return self._vertex(aiplatform_v1.JobServiceClient)

    @functools.cached_property
    def storage(self) -> "storage.Client":
        """Of buckets; the variable STORAGE_EMULATOR_HOST leads it to an emulator."""
        import os

        from google.cloud import storage

        credentials = None if os.environ.get("STORAGE_EMULATOR_HOST") else self._credentials
        return storage.Client(project=self.settings.project, credentials=credentials)

    def _vertex(self, kind: Any) -> Any:
        address = self.settings.vertex_endpoint
        if not address.startswith(_PLAIN):
            host = address.removeprefix("https://").rstrip("/")
            options = ClientOptions(
                api_endpoint=host or f"{self.settings.region}-aiplatform.googleapis.com",
                quota_project_id=None,
            )
            return kind(credentials=self._credentials, client_options=options)
        import grpc

        channel = grpc.insecure_channel(address.removeprefix(_PLAIN).rstrip("/"))
        return kind(transport=kind.get_transport_class("grpc")(channel=channel))

    @functools.cached_property
    def _credentials(self) -> "Credentials":
        import google.auth

        with explained("sign in to Google Cloud", "aiplatform", self.settings.project):
            return google.auth.default(scopes=_SCOPES)[0]
