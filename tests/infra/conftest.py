"""One server of a sentiment and a qa model, started by the images' own script."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pathlib
from collections.abc import Iterator

import pytest
from tensorflow_serving.apis import prediction_log_pb2

from tests.infra.served import Served
from tests.serving import served_models
from tests.serving.server_process import predict_request


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Version 3 of `sentiment`, which has a warm-up as exports do, of `qa`, and of `half`, of which
    no health check is known.
    """
    root = tmp_path_factory.mktemp("models")
    for name, write in {
        "sentiment": served_models.sentiment,
        "qa": served_models.qa,
        "half": served_models.half_plus_two_tf2,
    }.items():
        (root / name).mkdir()
        write(root / name / "3")
    warm_up = prediction_log_pb2.PredictionLog()
    warm_up.predict_log.request.CopyFrom(predict_request("sentiment", text=["good"]))
    served_models.add_warm_up(root / "sentiment" / "3", [warm_up.SerializeToString()])
    (root / "unfinished").mkdir()
    return root


@pytest.fixture(scope="session")
def served(models_dir: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server, for tests that change nothing in it."""
    server = Served(models_dir, tmp_path_factory.mktemp("served"))
    try:
        yield server.wait_until_ready()
    finally:
        server.close()
