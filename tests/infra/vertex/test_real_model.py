"""A real export through Vertex AI: uploaded, started as its container is, and asked."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers the ops of the exports
from google.protobuf import json_format, struct_pb2

from tests.infra.vertex.storage_server import StorageServer
from tests.serving.server_process import ServerProcess, running_server

pytestmark = pytest.mark.slow

ASKED = {  # the command's flags, and the same as inputs of the signature
    "sentiment": (
        ["--text", "A lovely film 🎬, great fun.", "--text", "so bad"],
        {"text": ["A lovely film 🎬, great fun.", "so bad"]},
    ),
    "qa": (
        ["--question", "Who built it?", "--context", "It was built by Ada Mills."],
        {"question": ["Who built it?"], "context": ["It was built by Ada Mills."]},
    ),
}


def download(storage: StorageServer, uri: str, folder: pathlib.Path) -> pathlib.Path:
    """Vertex AI's own copy of a model's files."""
    bucket, _, prefix = uri.removeprefix("gs://").partition("/")
    for (owner, name), content in storage.objects.items():
        if owner == bucket and name.startswith(f"{prefix}/"):
            path = folder / name.removeprefix(f"{prefix}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def start(cloud, model: str, folder: pathlib.Path):
    """The container of a model, and the embedded server by its command line but for the ports."""
    (version,) = cloud.vertex.versions[f"locations/europe-west4/models/bertline-{model}"]
    copy = download(cloud.storage, version.artifact_uri, folder / model)
    container = version.container_spec
    flags = [
        argument.replace("$(AIP_STORAGE_URI)", str(copy))
        for argument in container.args
        if not argument.startswith(("--port=", "--rest_api_port="))
    ]
    return container, running_server(folder / f"{model}.log", *flags)


def ask_container(cloud, container, server: ServerProcess) -> None:
    """Lets the endpoint answer with what the server answers at the container's route."""

    def answer(_, __, instances):
        body = {"instances": [json_format.MessageToDict(one) for one in instances]}
        response = server.http.post(container.predict_route, content=json.dumps(body))
        assert response.status_code == 200, response.text
        return [
            json_format.ParseDict(one, struct_pb2.Value()) for one in response.json()["predictions"]
        ]

    cloud.vertex.answer = answer


@pytest.mark.parametrize("model", ASKED)
def test_answers_are_those_of_the_export(cloud, models, model, tmp_path, capsys):
    flags, inputs = ASKED[model]
    cloud.run("deploy", models / model)
    container, running = start(cloud, model, tmp_path)
    with running as server:
        server.wait_for_log("REST: ")
        assert server.http.get(container.health_route).status_code == 200
        ask_container(cloud, container, server)
        capsys.readouterr()
        cloud.run("predict", model, *flags)
    rows = json.loads(capsys.readouterr().out)["predictions"]
    signature = tf.saved_model.load(models / model / "1").signatures["serving_default"]
    outputs = signature(**{name: tf.constant(texts) for name, texts in inputs.items()})
    if len(outputs) == 1:  # then TF Serving gives values, not objects
        rows = [dict.fromkeys(outputs, row) for row in rows]
    assert {frozenset(row) for row in rows} == {frozenset(outputs)}
    for name, expected in outputs.items():
        column = [row[name] for row in rows]
        if expected.dtype == tf.string:
            assert column == [text.decode() for text in expected.numpy()]
        else:
            np.testing.assert_allclose(column, expected, atol=1e-6)
