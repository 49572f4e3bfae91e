"""The container's command is one that TF Serving, and so our own server, understands."""

from infra.vertex.serving_container import container_spec
from serving.server import flags


def test_the_servers_flags_are_known_and_its_port_is_the_containers():
    container = container_spec("image", "qa", ["--enable_batching"])
    at_vertex_ai = [arg.replace("$(AIP_STORAGE_URI)", "gs://copy/qa") for arg in container.args]
    parsed = flags.parse(at_vertex_ai)
    assert (parsed.unknown, parsed.unsupported()) == ([], [])
    values = parsed.values
    assert values["model_name"] == "qa"
    assert values["model_base_path"] == "gs://copy/qa"
    assert values["file_system_poll_wait_seconds"] == 0
    assert values["enable_batching"] is True
    assert [values["rest_api_port"]] == [port.container_port for port in container.ports]
    assert container.predict_route == "/v1/models/qa:predict"
