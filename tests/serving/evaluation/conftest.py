"""Evaluations of real exports, made once."""

import pytest

from serving.evaluation.exported import ExportedModel
from serving.evaluation.run import evaluate_version
from tests.serving.server_process import running_server, write_config


@pytest.fixture(scope="session")
def imdb_evaluation(models, reviews, tmp_path_factory):
    """The output folder of `sentiment`, and what the function gave."""
    folder = tmp_path_factory.mktemp("imdb_evaluation")
    return folder, evaluate_version(models / "sentiment" / "1", str(reviews), folder, batch_size=3)


@pytest.fixture(scope="session")
def squad_evaluation(models, questions, tmp_path_factory):
    """The same of `qa`, on SQuAD v2.0."""
    folder = tmp_path_factory.mktemp("squad_evaluation")
    return folder, evaluate_version(models / "qa" / "1", str(questions), folder, batch_size=3)


@pytest.fixture(scope="session")
def reader(models):
    """The model `qa`, loaded once."""
    return ExportedModel(models / "qa" / "1")


@pytest.fixture(scope="session")
def models_server(models, tmp_path_factory):
    """A running server of both models."""
    folder = tmp_path_factory.mktemp("models_server")
    paths = {name: (models / name, "") for name in ("sentiment", "qa")}
    config = write_config(folder / "models.config", paths)
    with running_server(folder / "server.log", config) as server:
        server.wait_for_log("REST: ", timeout_s=240)  # it loads TensorFlow and both models
        yield server
