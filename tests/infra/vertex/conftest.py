"""A project in a cloud on loopback: Vertex AI, Cloud Storage, and a model's folder."""

import dataclasses
import os
import subprocess
import sys

import pytest

from tests.infra.vertex.storage_server import StorageServer
from tests.infra.vertex.vertex_server import VertexServer

MODEL_FILES = {
    "saved_model.pb": b"graph",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": bytes(range(256)) * 40,
    "assets/vocab.txt": b"[PAD]\n[UNK]\r\n",
}


@dataclasses.dataclass
class Cloud:
    """What the commands talk to, and a folder to deploy."""

    vertex: VertexServer
    storage: StorageServer
    model_dir: object
    environment: dict

    def add_version(self, number, content=b""):
        for name, data in MODEL_FILES.items():
            path = self.model_dir / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data + content + str(number).encode())
        return self.model_dir

    def run(self, *arguments):
        """A command in this process, which raises what a user would read."""
        from infra.vertex.__main__ import main

        command, *flags = map(str, arguments)
        main([command, "--retry_s", "20", *flags])

    def process(self, *arguments):
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "infra.vertex", *map(str, arguments)],
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def deployed(self, name="sentiment"):
        """(version, percent) of what is deployed, the first deployed first."""
        endpoint = self.vertex.endpoints[f"locations/europe-west4/endpoints/bertline-{name}"]
        return [
            (one.display_name, endpoint.traffic_split.get(one.id, 0))
            for one in endpoint.deployed_models
        ]


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    vertex, storage = VertexServer(), StorageServer()
    environment = {
        "GOOGLE_CLOUD_PROJECT": "my-project",
        "GOOGLE_CLOUD_REGION": "europe-west4",
        "BERTLINE_BUCKET": "",
        "BERTLINE_SERVING_IMAGE": "",
        "BERTLINE_VERTEX_ENDPOINT": vertex.address,
        "STORAGE_EMULATOR_HOST": storage.address,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = Cloud(vertex, storage, tmp_path / "models" / "sentiment", environment)
    found.add_version(3)
    yield found
    assert vertex.faults.left() == storage.faults.left() == []
    vertex.close()
    storage.close()
