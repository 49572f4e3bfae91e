"""A server with small models, shared by the tests of server and client."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Iterator

import pytest

from tests.serving import example_models, served_models
from tests.serving.server_process import ServerProcess, running_server, write_config

LABELS = {  # of version 123
    "examples_tf2": "".join(
        f'version_labels {{ key: "{label}" value: 123 }} ' for label in ("stable", "b c", "é/:")
    ),
}


@pytest.fixture(scope="session")
def small_models_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server of the models in `served_models`, for tests that change nothing in it."""
    root = tmp_path_factory.mktemp("small_models")
    writers = {
        "topics": served_models.topics,
        "half_plus_two_tf1": served_models.half_plus_two_tf1,
        "half_plus_two_tf2": served_models.half_plus_two_tf2,
        "workbench": served_models.workbench,
        "sentiment": served_models.sentiment,
        "qa": served_models.qa,
        "qa_without_nbest": served_models.qa_without_nbest,
        "examples_tf1": example_models.half_plus_two_examples_tf1,
        "examples_tf2": example_models.half_plus_two_examples_tf2,
        "misfits": example_models.misfits,
        "no_inputs": example_models.no_inputs,
    }
    for name, write in writers.items():
        (root / name).mkdir()
        write(root / name / "123")
    served = {name: (root / name, LABELS.get(name, "")) for name in writers}
    config = write_config(root / "models.config", served)
    labels = "--allow_version_labels_for_unavailable_models"
    with running_server(root / "server.log", config, labels, "--grpc_max_threads=64") as server:
        yield server.wait_until_ready()
