"""infra/terraform by Terraform itself, with a provider that has the real one's schema."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from tests.infra.terraform.extract_schema import SCHEMA, TERRAFORM, used
from tests.serving.server_process import REPOSITORY

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="needs terraform")


class Folder:
    """A copy of infra/terraform with a provider that Terraform takes."""

    def __init__(self, root: pathlib.Path):
        self.path = root / "terraform"
        shutil.copytree(
            TERRAFORM, self.path, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
        )
        binaries = root / "binaries"
        binaries.mkdir()
        provider = binaries / "terraform-provider-google"
        provider.write_text(f"#!/bin/sh\nexec {sys.executable} -m tests.infra.terraform.provider\n")
        provider.chmod(0o755)
        config = root / "terraformrc"
        # With it Terraform asks no registry, and wants no `init`.
        overrides = f'dev_overrides {{ "hashicorp/google" = "{binaries}" }}'
        config.write_text(f"provider_installation {{\n  {overrides}\n}}\n")
        self._environment = {
            **os.environ, "TF_CLI_CONFIG_FILE": str(config), "PYTHONPATH": str(REPOSITORY),
        }  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.path, env=self._environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def errors(self) -> list[str]:
        """What `validate` has to say against the files."""
        answer = json.loads(self.run("validate", "-json").stdout)
        return [
            f"{one['summary']}: {one['detail']}"
            for one in answer["diagnostics"]
            if one["severity"] == "error"
        ]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Folder:
    return Folder(tmp_path)


def test_files_are_formatted():
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", TERRAFORM],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_schema_is_of_all_kinds_of_resources_and_of_a_version_that_is_taken():
    schema = json.loads(SCHEMA.read_text())
    assert sorted(schema["resources"]) == used()
    wanted = re.search(r'version = "~> (\d+)\.(\d+)"', (TERRAFORM / "versions.tf").read_text())
    major, minor = map(int, schema["version"].split(".")[:2])
    assert (major, minor) >= tuple(map(int, wanted.groups()))
    assert major == int(wanted[1])


def test_configuration_is_valid(folder):
    assert folder.errors() == []


@pytest.mark.parametrize(
    ("file", "text", "wrong", "expected"),
    [
        pytest.param(
            "main.tf", "public_access_prevention", "public_access", "Unsupported argument",
            id="no-such-attribute",
        ),
        pytest.param(
            "kubernetes.tf", "workload_metadata_config", "metadata", "Unsupported block type",
            id="no-such-block",
        ),
        pytest.param(
            "kubernetes.tf", "total_max_node_count = var.cpu_max_nodes",
            'total_max_node_count = "many"', "Incorrect attribute value type", id="another-type",
        ),
        pytest.param(
            "outputs.tf", "google_service_account.worker.email",
            "google_service_account.worker.address", "Unsupported attribute",
            id="no-such-attribute-of-another-resource",
        ),
        pytest.param(
            "accounts.tf", 'account_id   = "bertline-worker"', "", "Missing required argument",
            id="required",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_found(folder, file, text, wrong, expected):
    content = (folder.path / file).read_text()
    assert text in content
    (folder.path / file).write_text(content.replace(text, wrong))
    errors = folder.errors()
    assert errors
    assert all(error.startswith(expected) for error in errors)


def test_plans_are_what_they_should_be(folder):
    done = folder.run("test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = re.findall(r'^run "', next(folder.path.glob("tests/*.hcl")).read_text(), re.MULTILINE)
    assert f"Success! {len(runs)} passed, 0 failed." in done.stdout
