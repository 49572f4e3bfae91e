"""infra/terraform against infra.vertex, the manifests and the documents: names, roles, sizes."""

import functools
import re
from typing import Any

import hcl2
import pytest

from infra.vertex import settings
from infra.vertex.names import MANAGED_LABEL, check_name, resource_id
from preprocessing.errors import InputError
from tests.infra.terraform.extract_schema import TERRAFORM
from tests.infra.test_kubernetes import build, container, deployments, named
from tests.serving.server_process import REPOSITORY

_PLAIN = hcl2.SerializationOptions(
    with_comments=False, explicit_blocks=False, strip_string_quotes=True
)


@functools.cache
def blocks(kind: str) -> dict[str, Any]:
    """All `variable`, `output`, `locals` … blocks; those of resources by "kind.name"."""
    found: dict[str, Any] = {}
    for path in sorted(TERRAFORM.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            content = hcl2.load(file, serialization_options=_PLAIN)
        for block in content.get(kind, []):
            if kind == "resource":
                ((kind_of_resource, named_block),) = block.items()
                block = {f"{kind_of_resource}.{name}": one for name, one in named_block.items()}
            found |= block
    return found


def default(variable: str) -> Any:
    return blocks("variable")[variable]["default"]


def roles(account: str) -> dict[str, set[str]]:
    """What a service account may do: on what -> roles."""
    found: dict[str, set[str]] = {}
    for name, block in blocks("resource").items():
        if block.get("member") == f"${{google_service_account.{account}.member}}":
            on = name.partition(".")[0].removeprefix("google_").removesuffix("_iam_member")
            found.setdefault(on, set()).update(re.findall(r"roles/[\w.]+", repr(block)))
    return found


def test_every_variable_has_a_type_a_description_and_a_default_but_the_project():
    variables = blocks("variable")
    assert len(variables) > 10
    for name, variable in variables.items():
        assert variable.get("type"), name
        assert variable.get("description", "").endswith("."), name
        assert ("default" in variable) == (name != "project"), name
    assert all(output["description"].endswith(".") for output in blocks("output").values())


def test_documents_list_every_variable_with_its_default():
    text = (REPOSITORY / "infra/README.md").read_text(encoding="utf-8")
    table = text[text.index("| variable | default | |") : text.index("| output | for |")]
    listed = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", table, flags=re.MULTILINE))
    expected = {"project": "none"}
    for name, variable in blocks("variable").items():
        if "default" in variable:
            expected[name] = _as_text(variable["default"])
    assert listed == expected


def _as_text(value: Any) -> str:
    if isinstance(value, list | dict):
        return ", ".join(value) or "none"
    return str(value).lower() or "empty"


def test_documents_name_every_output():
    text = (REPOSITORY / "infra/README.md").read_text(encoding="utf-8")
    assert [name for name in blocks("output") if f"`{name}`" not in text] == []


def test_names_are_those_that_deploy_looks_for():
    resources, local = blocks("resource"), blocks("locals")
    endpoint = resources["google_vertex_ai_endpoint.model"]
    assert local["labels"] == MANAGED_LABEL == {"managed_by": "bertline"}
    assert endpoint["labels"] == "${local.labels}"
    assert endpoint["name"].replace("${each.value}", "qa") == resource_id("qa")
    assert endpoint["display_name"] == "${each.value}"
    assert endpoint["lifecycle"][0]["ignore_changes"] == ["traffic_split"]
    where = settings.Settings(project="my-project")
    assert '"${var.project}-bertline"' in local["bucket"]
    assert where.bucket_name == "my-project-bertline"
    assert default("region") == where.region
    repository = resources["google_artifact_registry_repository.bertline"]["repository_id"]
    prefix = f"{where.region}-docker.pkg.dev/{where.project}/{repository}/"
    assert where.image("serving").startswith(prefix)


def test_models_are_those_of_the_makefile():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert set(default("models")) == set(re.findall(r"^  MODEL := (\w+)$", makefile, re.MULTILINE))


def test_bucket_is_as_closed_as_the_one_that_deploy_makes():
    bucket = blocks("resource")["google_storage_bucket.bertline"]
    code = (REPOSITORY / "infra/vertex/buckets.py").read_text(encoding="utf-8")
    assert "uniform_bucket_level_access_enabled = True" in code
    assert bucket["uniform_bucket_level_access"] is True
    assert f'public_access_prevention = "{bucket["public_access_prevention"]}"' in code
    assert bucket["location"] == "${var.region}"


@pytest.mark.parametrize(
    "name", ["qa", "a" * 50, "a" * 51, "Qa", "q_a", "-qa", "qa-", "q"], ids=lambda name: name[-4:]
)
def test_a_models_name_is_refused_by_both_or_by_none(name):
    condition = blocks("variable")["models"]["validation"][0]["condition"]
    pattern = re.search(r'regex\("(.*?)"', condition)[1]
    try:
        is_taken = bool(check_name(name, "--name"))
    except InputError:
        is_taken = False
    assert bool(re.search(pattern, name)) == is_taken


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        pytest.param(
            "deployer",
            {
                "project": {"roles/aiplatform.user", "roles/dataflow.developer"},
                "storage_bucket": {"roles/storage.objectUser", "roles/storage.legacyBucketReader"},
                "service_account": {"roles/iam.serviceAccountUser"},
            },
            id="deployer",
        ),
        pytest.param("trainer", {"storage_bucket": {"roles/storage.objectUser"}}, id="trainer"),
        pytest.param(
            "worker",
            {
                "project": {"roles/dataflow.worker"},
                "storage_bucket": {"roles/storage.objectUser"},
                "artifact_registry_repository": {"roles/artifactregistry.reader"},
            },
            id="worker",
        ),
        # Of the bucket only with a cluster, where KServe fetches models as this account.
        pytest.param(
            "serving", {"storage_bucket": {"roles/storage.objectViewer"}}, id="serving"
        ),
    ],
)  # fmt: skip
def test_accounts_may_do_what_the_documents_say_and_no_more(account, expected):
    assert roles(account) == expected
    text = (REPOSITORY / "docs/vertex.md").read_text(encoding="utf-8")
    named_roles = {role for each in expected.values() for role in each}
    assert [role for role in named_roles if f"`{role}`" not in text] == []


def test_no_account_has_a_key_and_none_owns_or_edits_the_project():
    for name, block in blocks("resource").items():
        assert not name.startswith("google_service_account_key."), name
        assert not re.search(r"roles/(owner|editor|iam\.securityAdmin)|\.admin\b", repr(block)), (
            name
        )


def test_cluster_fits_the_namespace_and_the_account_of_the_pods():
    local = blocks("locals")
    for folder in ("overlays/cpu", "overlays/gpu", "overlays/cpu-canary", "training/single"):
        for resource in build(folder):
            assert resource["metadata"]["namespace"] == local["namespace"]
    for deployment in deployments("overlays/cpu-canary"):
        account = deployment["spec"]["template"]["spec"].get("serviceAccountName", "default")
        assert account == local["kubernetes_service_account"]


def test_nodes_hold_all_pods_of_an_update_at_full_scale():
    cores = int(default("cpu_machine_type").rpartition("-")[2])
    (stable, canary) = deployments("overlays/cpu-canary")
    request = int(container(stable)["resources"]["requests"]["cpu"])
    pods_of_a_node = int(cores - 0.1) // request  # GKE keeps a tenth of a core for itself
    scaler = named("overlays/cpu-canary", "HorizontalPodAutoscaler")["spec"]
    surge = stable["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    pods = scaler["maxReplicas"] + canary["spec"]["replicas"] + 2 * surge
    assert pods <= default("cpu_max_nodes") * pods_of_a_node


def test_gpu_nodes_hold_an_update_and_are_tolerated():
    deployment = named("overlays/gpu", "Deployment")["spec"]
    surge = deployment["strategy"]["rollingUpdate"]["maxSurge"]
    assert deployment["replicas"] + surge <= default("gpu_max_nodes")
    pool = blocks("resource")["google_container_node_pool.gpu"]["node_config"][0]
    assert pool["guest_accelerator"][0]["count"] == 1
    for workload in (deployment, named("training/single", "Job")["spec"]):
        (toleration,) = workload["template"]["spec"]["tolerations"]
        assert (toleration["key"], toleration["operator"]) == ("nvidia.com/gpu", "Exists")


def test_nothing_of_an_account_is_in_the_files():
    for path in TERRAFORM.glob("*.tf"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b\d{10,}\b|@[\w-]+\.iam|BEGIN [A-Z ]*KEY", text), path
    assert "backend" not in blocks("terraform")
