"""infra/docker/compose*.yaml, read by Docker Compose itself, which needs no Docker for that."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.infra.served import DOCKER, INFRA
from tests.serving.server_process import REPOSITORY

COMPOSE = pathlib.Path(sys.executable).parent / "docker-compose"


def run_config(*overrides: str, **settings: str) -> subprocess.CompletedProcess:
    files = ["compose.yaml", *(f"compose.{name}.yaml" for name in overrides)]
    command = [COMPOSE, *(f"--file={DOCKER / name}" for name in files), "config", "--format=json"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def config(*overrides: str, **settings: str) -> dict:
    """What Docker Compose makes of the files and settings; a warning is an error here."""
    done = run_config(*overrides, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def services() -> dict:
    return config()["services"]


def test_services(services):
    assert sorted(services) == ["grafana", "prometheus", "serving"]


def test_ports_are_open_to_this_machine_alone(services):
    published = {
        name: [(port["host_ip"], port["published"], port["target"]) for port in service["ports"]]
        for name, service in services.items()
    }
    assert published == {
        "serving": [("127.0.0.1", "8500", 8500), ("127.0.0.1", "8501", 8501)],
        "prometheus": [("127.0.0.1", "9090", 9090)],
        "grafana": [("127.0.0.1", "3000", 3000)],
    }


def test_images_have_an_exact_version(services):
    version = re.search(r'version="(.*)"', (REPOSITORY / "setup.py").read_text())[1]
    assert services["serving"]["image"] == f"bertline/serving:{version}"
    for name in ("prometheus", "grafana"):
        assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", services[name]["image"])


def test_mounted_files_exist_and_are_read_only(services):
    mounts = [
        mount
        for service in services.values()
        for mount in service["volumes"]
        if mount["type"] == "bind"
    ]
    assert len(mounts) == 5
    for mount in mounts:
        assert mount["read_only"], mount
        if mount["target"] != "/models":
            assert pathlib.Path(mount["source"]).exists(), mount


def test_nothing_runs_with_more_rights_than_it_needs(services):
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_build_files_exist(services):
    for build in (services["serving"]["build"], config("embedded")["services"]["serving"]["build"]):
        assert pathlib.Path(build["context"]) == REPOSITORY
        dockerfile = REPOSITORY / build["dockerfile"]
        assert dockerfile.is_file()
        if "target" in build:
            assert f" AS {build['target']}\n" in dockerfile.read_text()


def test_settings_of_the_container_are_those_of_its_script(services):
    scripts = (DOCKER / "serve.sh").read_text() + (DOCKER / "settings.sh").read_text()
    for name in services["serving"]["environment"]:
        assert f"${{{name}:-" in scripts, name


@pytest.mark.parametrize("overrides", [[], ["gpu"]], ids=["cpu", "gpu"])
def test_batching_file_is_in_the_image(overrides):
    path = config(*overrides)["services"]["serving"]["environment"]["BATCHING_CONFIG"]
    assert (INFRA / "tf_serving" / pathlib.Path(path).name).is_file()
    assert path.startswith("/etc/bertline/")


def test_gpu_is_reserved_for_the_gpu_image():
    service = config("gpu")["services"]["serving"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert service["build"]["args"]["TF_SERVING_TAG"].endswith("-gpu")
    assert service["image"].endswith("-gpu")


def test_embedded_server_takes_the_place_of_tf_serving(services):
    embedded = config("embedded")["services"]
    assert embedded["serving"]["build"]["dockerfile"] == "infra/docker/embedded/Dockerfile"
    assert embedded["serving"]["ports"] == services["serving"]["ports"]
    assert embedded["prometheus"] == services["prometheus"]


def test_tls_is_a_secret_of_the_container(tmp_path):
    described = config("tls", SSL_CONFIG=str(tmp_path / "ssl.config"))
    service = described["services"]["serving"]
    assert service["environment"]["SSL_CONFIG"] == "/run/secrets/ssl_config"
    assert service["secrets"][0]["target"] == "/run/secrets/ssl_config"
    assert described["secrets"]["ssl_config"]["file"] == str(tmp_path / "ssl.config")


def test_tls_without_its_file_is_refused():
    refused = run_config("tls")
    assert refused.returncode != 0
    assert "SSL_CONFIG is missing a value: expected the path of a file" in refused.stderr


def test_settings_have_a_line_of_documentation():
    """Every variable of the compose files and of the scripts stands in infra/README.md."""
    files = [*DOCKER.glob("compose*.yaml"), DOCKER / "serve.sh", DOCKER / "settings.sh"]
    text = "".join(path.read_text() for path in files)
    settings = set(re.findall(r"\$\{([A-Z_]+):[-?]", text))
    assert len(settings) > 15
    documented = set(
        re.findall(r"^\| `([A-Z_]+)`", (INFRA / "README.md").read_text(), re.MULTILINE)
    )
    assert settings - documented == set()
