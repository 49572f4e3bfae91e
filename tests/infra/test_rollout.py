"""Rolling update and canary with the pods' own configs and probes, on the embedded server."""

import pathlib
import shutil
import time

import pytest

from tests.infra.served import INFRA, Served
from tests.serving import served_models

pytestmark = pytest.mark.slow


@pytest.fixture
def models(tmp_path):
    """Version 1 of both models, and of sentiment a version 2 that likes good films less."""
    for version, good in ((1, 0.9), (2, 0.7)):
        (tmp_path / "sentiment").mkdir(exist_ok=True)
        served_models.sentiment(tmp_path / "sentiment" / str(version), good)
    (tmp_path / "qa").mkdir()
    served_models.qa(tmp_path / "qa" / "1")
    return tmp_path


@pytest.fixture
def start(models):
    """Starts a pod's server: `start("base")`, `start("canary")`."""
    servers = []

    def start(track: str) -> Served:
        scratch = models / f"{track}-scratch"
        scratch.mkdir()
        pinned = (INFRA / "kubernetes" / track / "models.config").read_text()
        config = scratch / "pinned.config"
        config.write_text(pinned.replace('"/models/', f'"{models}/'))
        servers.append(Served(models, scratch, MODELS_CONFIG=str(config), HEALTH_LABEL="stable"))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def answer(server: Served, version: str) -> float:
    path = f"/v1/models/sentiment/{version}:predict"
    body = '{"instances": ["A good film."]}'
    return server.http.post(path, content=body).raise_for_status().json()["predictions"][0]


def test_canary_answers_from_its_own_version_under_the_same_label(start):
    stable, canary = start("base"), start("canary")
    for server in (stable, canary):
        server.wait_until_ready()
        assert server.health_check().returncode == 0
        assert server.health_check("--state").returncode == 0
    assert answer(stable, "labels/stable") == pytest.approx(0.9)
    assert answer(canary, "labels/stable") == pytest.approx(0.7)
    # Each has its version alone: a client that names the other's is told so.
    assert canary.health_check("sentiment/versions/1").returncode == 1


def remove(version: pathlib.Path) -> None:
    shutil.rmtree(version)


def spoil(version: pathlib.Path) -> None:
    (version / "saved_model.pb").write_bytes(b"broken")


@pytest.mark.parametrize("harm", [remove, spoil])
def test_pod_without_its_version_never_becomes_ready(start, models: pathlib.Path, harm):
    """So that a rolling update stops there: the pods of the version before stay."""
    harm(models / "sentiment" / "2")
    canary = start("canary")
    deadline = time.monotonic() + 120
    while "model qa version 1 is available" not in canary.log:
        assert time.monotonic() < deadline, canary.log
        time.sleep(0.1)
    assert canary.health_check().returncode == 1
    assert "REST: listening" not in canary.log
