"""infra/docker/serve.sh: which flags it gives to the server, and what it refuses."""

import pathlib
import re
import subprocess

import pytest

from serving.server import flags as server_flags
from tests.infra.served import DOCKER, INFRA


@pytest.fixture
def run(tmp_path: pathlib.Path):
    """Runs the script with a server that prints its arguments, one a line, and ends."""
    server = tmp_path / "print-arguments"
    server.write_text("#!/usr/bin/env bash\nprintf '%s\\n' \"$@\"\n")
    server.chmod(0o755)

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": "/usr/bin:/bin",
            "SERVER": str(server),
            "MODELS_DIR": str(tmp_path / "models"),
            "SCRATCH_DIR": str(tmp_path),
            "CONFIG_DIR": str(INFRA / "tf_serving"),
            **settings,
        }
        command = [DOCKER / "serve.sh", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    return run


def write_version(models: pathlib.Path, name: str) -> None:
    (models / name).mkdir(parents=True)
    (models / name / "saved_model.pb").touch()


def test_models_are_the_folders_with_versions(run, tmp_path):
    models = tmp_path / "models"
    for version in ("qa/3", "qa/12", "sentiment/1", "notes/drafts", "x/unfinished-4"):
        write_version(models, version)
    (models / "empty" / "5").mkdir(parents=True)
    assert run().returncode == 0
    config = (tmp_path / "models.config").read_text()
    entries = re.findall(r'name: "(\w+)" base_path: "([^"]+)"', config)
    assert entries == [("qa", f"{models}/qa"), ("sentiment", f"{models}/sentiment")]


def test_flags_are_those_of_the_server_and_arguments_come_last(run, tmp_path):
    write_version(tmp_path / "models", "qa/3")
    arguments = run("--grpc_max_threads=7", REST_PORT="9001").stdout.splitlines()
    parsed = server_flags.parse(arguments)
    assert parsed.unknown == []
    assert arguments[-1] == "--grpc_max_threads=7"
    assert parsed["grpc_max_threads"] == 7
    assert (parsed["port"], parsed["rest_api_port"]) == (8500, 9001)
    assert parsed["enable_batching"] is True
    assert parsed["ssl_config_file"] == ""


def test_config_of_the_registry_is_taken_as_it_is(run, tmp_path):
    write_version(tmp_path / "models", "qa/3")
    config = tmp_path / "models" / "models.config"
    config.write_text(f'model_config_list {{ config {{ base_path: "{tmp_path}/models/qa" }} }}')
    assert f"--model_config_file={config}" in run().stdout.splitlines()


def test_config_may_be_elsewhere(run, tmp_path):
    write_version(tmp_path / "models", "qa/3")
    config = tmp_path / "pinned.config"
    config.write_text(f'model_config_list {{ config {{ base_path: "{tmp_path}/models/qa" }} }}')
    lines = run(MODELS_CONFIG=str(config)).stdout.splitlines()
    assert f"--model_config_file={config}" in lines
    assert not (tmp_path / "models.config").exists()


def test_config_with_paths_of_another_machine_is_refused(run, tmp_path):
    write_version(tmp_path / "models", "qa/3")
    config = tmp_path / "models" / "models.config"
    config.write_text(
        'model_config_list {\n config {\n  name: "a" base_path: "s3://bucket/a" }\n'
        '  # base_path: "/old/qa"\n config { name: "qa" base_path: "/elsewhere/qa" }\n}'
    )
    refused = run()
    assert refused.returncode == 2
    assert f'{config}: base_path "/elsewhere/qa" is no folder here' in refused.stderr
    assert "--base_path" in refused.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"MODELS_DIR": "/nowhere"}, "MODELS_DIR=/nowhere holds no model", id="models"),
        pytest.param({"MODELS_CONFIG": "/nowhere/m"}, "/nowhere/m cannot be read", id="config"),
        pytest.param({"SSL_CONFIG": "/nowhere/ssl"}, "/nowhere/ssl cannot be read", id="tls"),
        pytest.param({"BATCHING_CONFIG": "/nowhere/b"}, "/nowhere/b cannot be read", id="batching"),
    ],
)
def test_what_is_missing_ends_the_start_with_its_name(run, tmp_path, settings, message):
    write_version(tmp_path / "models", "qa/3")
    refused = run(**settings)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stdout == ""


def test_tls_is_a_flag_when_it_is_asked_for(run, tmp_path):
    write_version(tmp_path / "models", "qa/3")
    (tmp_path / "ssl.config").touch()
    lines = run(SSL_CONFIG=str(tmp_path / "ssl.config")).stdout.splitlines()
    assert f"--ssl_config_file={tmp_path}/ssl.config" in lines
