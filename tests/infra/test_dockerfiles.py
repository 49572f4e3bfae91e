"""The images' files: linted, pinned, not root, and every path they copy is there."""

import json
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from tests.infra.served import DOCKER, INFRA
from tests.serving.server_process import REPOSITORY

BIN = pathlib.Path(sys.executable).parent
DOCKERFILES = sorted(DOCKER.glob("*/Dockerfile"))
SCRIPTS = sorted([*DOCKER.rglob("*.sh"), *INFRA.glob("tf_serving/*.sh")])
IDS = [path.parent.name for path in DOCKERFILES]


def instructions(path: pathlib.Path, name: str) -> list[str]:
    """The arguments of every instruction of that name."""
    text = re.sub(r"\\\n\s*", "", path.read_text())
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


def lint(*command: str | pathlib.Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_dockerfile_for_each_image():
    assert IDS == ["embedded", "serving", "trainer", "worker"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_hadolint_finds_nothing(path):
    lint(BIN / "hadolint", path)


def test_hadolint_would_find_something(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN cd /tmp\n")
    with pytest.raises(AssertionError, match="DL3007"):
        lint(BIN / "hadolint", tmp_path / "Dockerfile")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(path):
    lint(BIN / "shellcheck", "-x", path)


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_base_images_have_an_exact_version(path):
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", path.read_text(), re.MULTILINE))
    stages = set()
    for line in instructions(path, "FROM"):
        image, *stage = re.split(" +AS +", line)
        image = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], image)
        if image not in stages:
            assert re.fullmatch(r"[\w./]+:\d+\.\d+\.\d+[\w.-]*", image), image
        stages.update(stage)


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_what_is_copied_is_in_the_repository(path):
    """The models that may be baked in are the user's own."""
    for line in instructions(path, "COPY"):
        *sources, _ = line.split()
        if not sources[0].startswith("--from=") and sources != ["${MODELS}/"]:
            for source in sources:
                assert (REPOSITORY / source).exists(), source
                assert f"!{source.split('/')[0]}" in ignored(), source


def ignored() -> list[str]:
    return (REPOSITORY / ".dockerignore").read_text().splitlines()


@pytest.mark.parametrize("name", ["embedded", "serving", "trainer"])
def test_user_is_a_number_and_not_root(name):
    assert instructions(DOCKER / name / "Dockerfile", "USER") == ["10001:10001"]


@pytest.mark.parametrize("name", ["embedded", "serving"])
def test_servers_start_and_are_checked_by_our_scripts(name):
    path = DOCKER / name / "Dockerfile"
    copied = shlex.split(" ".join(instructions(path, "COPY")))
    (entrypoint,) = instructions(path, "ENTRYPOINT")
    (health_check,) = instructions(path, "HEALTHCHECK")
    for command in (entrypoint, health_check.partition("CMD ")[2]):
        assert f"infra/docker/{json.loads(command)[0]}" in copied
    assert instructions(path, "EXPOSE") == ["8500 8501"]


@pytest.mark.parametrize("name", ["embedded", "trainer", "worker"])
def test_python_packages_are_those_of_constraints_txt(name):
    installs = [
        line for line in instructions(DOCKER / name / "Dockerfile", "RUN") if "pip install" in line
    ]
    assert len(installs) == 2
    assert "--constraint constraints.txt" in installs[0]
    assert "--no-deps" in installs[1]


def test_cuda_packages_are_pinned():
    """All that tensorflow[and-cuda] asks for, within what it allows."""
    import importlib.metadata

    from packaging.requirements import Requirement

    text = (DOCKER / "trainer" / "constraints-cuda.txt").read_text()
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE))
    wanted = [
        Requirement(line)
        for line in importlib.metadata.requires("tensorflow") or []
        if "and-cuda" in line
    ]
    assert {each.name for each in wanted} == pinned.keys()
    for each in wanted:
        assert pinned[each.name] in each.specifier, each


def test_beam_worker_has_the_version_of_constraints_txt():
    (version,) = re.findall(
        r"^apache-beam==(\S+)", (REPOSITORY / "constraints.txt").read_text(), re.M
    )
    assert instructions(DOCKER / "worker" / "Dockerfile", "ARG") == [f"BEAM_VERSION={version}"]


def test_tf_serving_is_a_release_whose_ops_the_exporter_knows():
    from serving.op_versions import SERVERS

    tags = instructions(DOCKER / "serving" / "Dockerfile", "ARG")[:1]
    tags += re.findall(r"TF_SERVING_TAG: (\S+)", (DOCKER / "compose.gpu.yaml").read_text())
    versions = {tag.removeprefix("TF_SERVING_TAG=").removesuffix("-gpu") for tag in tags}
    (version,) = versions  # CPU and GPU alike
    assert version.rpartition(".")[0] in SERVERS
