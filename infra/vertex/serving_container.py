"""How Vertex AI starts TF Serving, and where it asks it."""

from collections.abc import Sequence

from google.cloud import aiplatform_v1

REST_PORT = 8080  # Vertex AI's own default
GRPC_PORT = 8500
SERVER = "/usr/bin/tensorflow_model_server"  # where tensorflow/serving has it


def container_spec(
    image: str, model: str, server_flags: Sequence[str] = ()
) -> aiplatform_v1.ModelContainerSpec:
    """A container of TF Serving that serves what Vertex AI has copied for it.

    Vertex AI sets AIP_STORAGE_URI to its own copy of the model's folder, a gs:// address, which TF
    Serving reads by itself.

    Args:
        image: with TF Serving; Vertex AI takes it from Artifact Registry only.
        model: the name in the server's addresses.
        server_flags: further flags of the server.
    """
    return aiplatform_v1.ModelContainerSpec(
        image_uri=image,
        command=[SERVER],
        args=[
            f"--model_name={model}",
            "--model_base_path=$(AIP_STORAGE_URI)",
            f"--port={GRPC_PORT}",
            f"--rest_api_port={REST_PORT}",
            "--file_system_poll_wait_seconds=0",  # once: the folder never changes
            *server_flags,
        ],
        ports=[aiplatform_v1.Port(container_port=REST_PORT)],
        predict_route=f"/v1/models/{model}:predict",
        health_route=f"/v1/models/{model}",
    )
