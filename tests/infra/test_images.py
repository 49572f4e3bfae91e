"""The Dockerfiles built as they stand, on a clean Debian, and the servers in them asked.

BERTLINE_IMAGE_STORAGE names a folder that keeps base image and layers for the next run.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from tests.infra.image_builder import ImageBuilder
from tests.infra.served import DOCKER
from tests.serving.server_process import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not (shutil.which("buildah") and shutil.which("mmdebstrap")),
        reason="needs root, buildah and mmdebstrap: `make infra-tools`",
    ),
]


def base_images(name: str) -> list[str]:
    """What a Dockerfile builds on, in full."""
    text = (DOCKER / name / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    image = re.search(r"^FROM (\S+)", text, re.MULTILINE)[1]
    image = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], image)
    return [f"docker.io/{image}" if "/" in image else f"docker.io/library/{image}"]


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory):
    kept = os.environ.get("BERTLINE_IMAGE_STORAGE")
    folder = pathlib.Path(kept) if kept else tmp_path_factory.mktemp("images")
    builder = ImageBuilder(folder)
    builder.make_debian(*base_images("embedded"), *base_images("worker"))
    yield builder
    builder.buildah("rm", "--all")
    if not kept:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def embedded(builder: ImageBuilder) -> str:
    builder.build(DOCKER / "embedded" / "Dockerfile", "bertline/embedded")
    return "bertline/embedded"


@pytest.fixture(scope="module")
def tf_serving_stand_in(builder: ImageBuilder, embedded: str, tmp_path_factory) -> None:
    """TF Serving's image by name; its program starts the embedded server."""
    program = tmp_path_factory.mktemp("stand_in") / "tensorflow_model_server"
    program.write_text('#!/bin/sh\nexec /opt/venv/bin/python -m serving.server "$@"\n')
    program.chmod(0o755)
    container = builder.container(embedded)
    builder.buildah("config", "--user=0", "--env=SERVER-", "--entrypoint=[]", container)
    builder.buildah("copy", "--quiet", container, program, "/usr/bin/tensorflow_model_server")
    builder.buildah("commit", "--quiet", container, *base_images("serving"))


def check_that_it_serves(builder: ImageBuilder, image: str, models: str, log: pathlib.Path) -> None:
    """Starts the image's entry point, and waits until its own health check is content."""
    described = json.loads(builder.buildah("inspect", "--type=image", image))
    config = described["Docker"]["config"]
    assert config["User"] == "10001:10001"
    container = builder.container(image)
    ports = {"GRPC_PORT": free_port(), "REST_PORT": free_port()}
    command = builder.command(container, *config["Entrypoint"], **ports)
    if models:
        command.insert(command.index("run") + 1, f"--volume={models}:/models:ro")
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        kind, *check = config["Healthcheck"]["Test"]
        assert kind == "CMD"
        checking = builder.command(container, *check, **ports)
        deadline = time.monotonic() + 180
        while subprocess.run(checking, capture_output=True, timeout=60).returncode:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(1)
        user = subprocess.run(
            builder.command(container, "id", "-u"), capture_output=True, text=True
        )
        assert user.stdout == "10001\n"
    finally:
        server.terminate()
        server.wait(timeout=90)


def readable(models_dir: pathlib.Path) -> str:
    """The models, which user 10001 may read."""
    for path in [models_dir, *models_dir.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return str(models_dir)


def test_embedded_image_serves(builder, embedded, models_dir, tmp_path):
    check_that_it_serves(builder, embedded, readable(models_dir), tmp_path / "log")


@pytest.mark.usefixtures("tf_serving_stand_in")
def test_serving_image_serves(builder, models_dir, tmp_path):
    path = DOCKER / "serving" / "Dockerfile"
    builder.build(path, "bertline/serving", "--target=serving")
    check_that_it_serves(builder, "bertline/serving", readable(models_dir), tmp_path / "log")


def test_trainer_image_starts_training_export_and_evaluation(builder):
    path = DOCKER / "trainer" / "Dockerfile"
    builder.build(path, "bertline/trainer", "--build-arg=TENSORFLOW=tensorflow")
    container = builder.container("bertline/trainer")
    for module in ("trainer", "serving.export", "serving.evaluate"):
        done = subprocess.run(
            builder.command(container, "python", "-m", module, "--help"),
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert (done.returncode, done.stdout[:6]) == (0, "usage:"), done.stderr
    encoder = "import trainer.models, serving.signatures"
    builder.buildah("run", "--isolation=chroot", container, "python", "-c", encoder)


def test_worker_image_has_the_pipelines(builder):
    builder.build(DOCKER / "worker" / "Dockerfile", "bertline/worker")
    container = builder.container("bertline/worker")
    pipelines = "import apache_beam, preprocessing.pipeline; print(apache_beam.__version__)"
    version = builder.buildah("run", "--isolation=chroot", container, "python", "-c", pipelines)
    assert base_images("worker")[0].endswith(f":{version}")
