"""infra/kubernetes: built by kustomize, held against Kubernetes' schemas, and against our code."""

import functools
import json
import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from serving.server import config as server_config
from tests.infra.served import DOCKER, INFRA, METRICS_PATH
from tests.serving.server_process import REPOSITORY
from trainer.cluster import read_cluster

KUBERNETES = INFRA / "kubernetes"
KUBECTL = pathlib.Path(sys.executable).parent / "kubectl"
SERVING = ["overlays/cpu", "overlays/gpu", "overlays/cpu-canary"]
TRAINING = ["training/single", "training/multi-worker"]
VERSIONS = ["1.31", "1.37"]  # of Kubernetes


@functools.cache
def build(folder: str) -> tuple[dict, ...]:
    """The resources of a kustomization."""
    command = [KUBECTL, "kustomize", KUBERNETES / folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return tuple(yaml.safe_load_all(done.stdout))


def named(folder: str, kind: str, name: str = "") -> dict:
    """The one resource of a kind, or that of a name."""
    (found,) = [
        each
        for each in build(folder)
        if each["kind"] == kind and (not name or each["metadata"]["name"] == name)
    ]
    return found


def deployments(folder: str) -> list[dict]:
    return [each for each in build(folder) if each["kind"] == "Deployment"]


def container(workload: dict) -> dict:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return found


def selects(selector: dict, workload: dict) -> bool:
    return selector.items() <= workload["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", [*SERVING, *TRAINING])
def test_resources_fit_kubernetes_schemas(folder, version):
    for resource in build(folder):
        kubernetes_validate.validate(resource, version, strict=True)


def test_schemas_know_a_misspelt_field():
    deployment = json.loads(json.dumps(named("overlays/cpu", "Deployment")))
    container(deployment)["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("folder", SERVING)
def test_workloads_run_without_rights(folder):
    for deployment in deployments(folder):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert f"USER {pod['securityContext']['runAsUser']}:" in dockerfile("serving")
        assert container(deployment)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def dockerfile(image: str) -> str:
    return (DOCKER / image / "Dockerfile").read_text()


@pytest.mark.parametrize("folder", SERVING)
def test_deployments_select_their_own_pods_alone(folder):
    found = deployments(folder)
    for deployment in found:
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert [each for each in found if selects(selector, each)] == [deployment]


def test_service_spreads_over_stable_and_canary_and_the_canary_has_its_own():
    folder = "overlays/cpu-canary"
    tracks = {}
    for service in [each for each in build(folder) if each["kind"] == "Service"]:
        selected = [
            each for each in deployments(folder) if selects(service["spec"]["selector"], each)
        ]
        tracks[service["metadata"]["name"]] = [each["metadata"]["name"] for each in selected]
    both = ["bertline-serving", "bertline-serving-canary"]
    assert tracks == {
        "bertline-serving": both,
        "bertline-serving-pods": both,
        "bertline-serving-canary": both[1:],
    }
    assert named(folder, "Deployment", "bertline-serving-canary")["spec"]["replicas"] == 1


@pytest.mark.parametrize("folder", SERVING)
def test_ports_are_those_of_the_image(folder):
    ports = {"grpc": 8500, "rest": 8501}
    assert f"EXPOSE {ports['grpc']} {ports['rest']}" in dockerfile("serving")
    for deployment in deployments(folder):
        assert {
            port["name"]: port["containerPort"] for port in container(deployment)["ports"]
        } == ports
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(ports["rest"])
        assert annotations["prometheus.io/path"] == METRICS_PATH
    for service in [each for each in build(folder) if each["kind"] == "Service"]:
        for port in service["spec"]["ports"]:
            assert port["port"] == ports[port["targetPort"]]


@pytest.mark.parametrize("folder", SERVING)
def test_probes_ask_the_pinned_version(folder):
    for deployment in deployments(folder):
        described = container(deployment)
        assert {"name": "HEALTH_LABEL", "value": "stable"} in described["env"]
        commands = {
            kind: described[f"{kind}Probe"]["exec"]["command"]
            for kind in ("startup", "readiness", "liveness")
        }
        assert commands == {
            "startup": ["health-check.sh"],
            "readiness": ["health-check.sh"],
            "liveness": ["health-check.sh", "--state"],
        }
        timeouts = {described[f"{kind}Probe"]["timeoutSeconds"] for kind in commands}
        assert min(timeouts) > 5  # HEALTH_TIMEOUT_S, so that the log says why


@pytest.mark.parametrize("folder", SERVING)
def test_settings_are_those_of_the_scripts(folder):
    scripts = "".join(path.read_text() for path in DOCKER.glob("*.sh"))
    for deployment in deployments(folder):
        for variable in container(deployment)["env"]:
            assert f"${{{variable['name']}:-" in scripts


@pytest.mark.parametrize(
    ("track", "versions"),
    [("base", {"sentiment": 1, "qa": 1}), ("canary", {"sentiment": 2, "qa": 1})],
)
def test_configs_load_the_version_that_the_label_names(track, versions):
    models = server_config.read_file(str(KUBERNETES / track / "models.config"))
    assert {model.name: model.labels["stable"] for model in models} == versions
    for model in models:
        assert model.base_path == f"/models/{model.name}"
        assert tuple(model.policy.versions) == (versions[model.name],)


@pytest.mark.parametrize("folder", SERVING)
def test_config_and_models_are_mounted_where_they_are_looked_for(folder):
    for deployment in deployments(folder):
        mounts = {each["name"]: each["mountPath"] for each in container(deployment)["volumeMounts"]}
        volumes = {each["name"]: each for each in deployment["spec"]["template"]["spec"]["volumes"]}
        assert mounts.keys() == volumes.keys()
        (config,) = [
            e["value"] for e in container(deployment)["env"] if e["name"] == "MODELS_CONFIG"
        ]
        assert config == f"{mounts['config']}/models.config"
        named_config = named(folder, "ConfigMap", volumes["config"]["configMap"]["name"])
        assert named_config["data"].keys() == {"models.config"}
        assert mounts["models"] == "/models"


def test_autoscaler_and_budget_are_for_the_deployment():
    deployment = named("overlays/cpu", "Deployment")
    target = named("overlays/cpu", "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]  # the autoscaler's
    assert "cpu" in container(deployment)["resources"]["requests"]  # what it reckons by
    selector = named("overlays/cpu", "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    assert selects(selector, deployment)


def test_gpu_overlay_asks_for_a_gpu_and_has_no_cpu_autoscaler():
    deployment = named("overlays/gpu", "Deployment")
    assert container(deployment)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container(deployment)["image"].endswith("-gpu")
    assert "HorizontalPodAutoscaler" not in {each["kind"] for each in build("overlays/gpu")}


def test_images_have_the_version_of_the_package():
    version = re.search(r'version="(.*)"', (REPOSITORY / "setup.py").read_text())[1]
    images = {
        container(workload)["image"].removesuffix("-gpu")
        for folder in [*SERVING, *TRAINING]
        for workload in build(folder)
        if workload["kind"] in ("Deployment", "Job")
    }
    assert images == {f"bertline/serving:{version}", f"bertline/trainer:{version}"}


@pytest.mark.parametrize("folder", TRAINING)
def test_training_is_called_with_flags_of_the_trainer(folder):
    module, *flags = container(named(folder, "Job"))["args"]
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=REPOSITORY
    )
    known = set(re.findall(r"--\w+", shown.stdout))
    assert {flag.partition("=")[0] for flag in flags} <= known


def multi_worker(**settings: str) -> subprocess.CompletedProcess:
    """What a worker's Python finds in its environment."""
    script = DOCKER / "trainer" / "multi-worker.sh"
    environment = {"PATH": f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin", **settings}
    command = [script, "sysconfig"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_workers_find_each_other(tmp_path):
    """The addresses in TF_CONFIG are the names that Kubernetes gives the job's pods."""
    job = named("training/multi-worker", "Job")
    service = named("training/multi-worker", "Service")
    described = container(job)
    assert described["command"] == ["multi-worker.sh"]
    settings = {each["name"]: each["value"] for each in described["env"]}
    spec = job["spec"]
    assert int(settings["WORKERS"]) == spec["completions"] == spec["parallelism"] == 2
    assert spec["completionMode"] == "Indexed"
    assert spec["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    assert selects(service["spec"]["selector"], job)
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"]  # they wait for each other to start

    (tmp_path / "show.py").write_text("import os; print(os.environ['TF_CONFIG'])")
    hosts = [f"{job['metadata']['name']}-{i}.{service['metadata']['name']}" for i in range(2)]
    for index in range(2):
        done = subprocess.run(
            [DOCKER / "trainer" / "multi-worker.sh", "show"],
            env={
                "PATH": f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin",
                "PYTHONPATH": str(tmp_path),
                "JOB_COMPLETION_INDEX": str(index),
                **settings,
            },
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        cluster = read_cluster({"TF_CONFIG": done.stdout})
        assert cluster.jobs == {"worker": tuple(f"{host}:2222" for host in hosts)}
        assert (cluster.job, cluster.index) == ("worker", index)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"WORKERS": "2"}, "WORKER_NAME is not set", id="no-name"),
        pytest.param(
            {"WORKERS": "2", "WORKER_NAME": "a", "JOB_COMPLETION_INDEX": "2"},
            "JOB_COMPLETION_INDEX=2, expected less than WORKERS=2",
            id="more-pods-than-workers",
        ),
    ],
)
def test_worker_that_cannot_be_is_refused_for_good(settings, message):
    refused = multi_worker(**settings)
    rules = named("training/single", "Job")["spec"]["podFailurePolicy"]["rules"]
    assert refused.returncode in rules[0]["onExitCodes"]["values"]
    assert message in refused.stderr


def test_canary_config_is_what_the_registry_writes(tmp_path):
    """`promote` with --base_path, as infra/README.md has it."""
    for version in ("1", "2"):
        folder = tmp_path / "models" / "sentiment" / version
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()
    config = tmp_path / "models.config"
    config.write_text((KUBERNETES / "base" / "models.config").read_text())
    command = [
        *(sys.executable, "-m", "serving.registry", "promote", folder.parent, "2"),
        *("--label=stable", f"--config={config}", "--base_path=/models/sentiment"),
    ]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=60)
    assert config.read_text() == (KUBERNETES / "canary" / "models.config").read_text()


def test_kserve_runs_the_container_of_the_deployment():
    """KServe's own fields have no schema here; its container is one of Kubernetes."""
    runtime = named("kserve", "ServingRuntime")
    (described,) = runtime["spec"]["containers"]
    for version in VERSIONS:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kserve"}}
        kubernetes_validate.validate(
            {**pod, "spec": {"containers": [described]}}, version, strict=True
        )
    deployed = container(named("overlays/cpu", "Deployment"))
    for field in ("image", "resources", "startupProbe", "readinessProbe", "livenessProbe"):
        assert described[field] == deployed[field]
    assert [port["containerPort"] for port in described["ports"]] == [8501]
    annotations = runtime["spec"]["annotations"]
    assert annotations["prometheus.kserve.io/path"] == METRICS_PATH
    assert annotations["prometheus.kserve.io/port"] == "8501"


def test_kserve_service_names_the_runtime():
    runtime = named("kserve", "ServingRuntime")
    model = named("kserve", "InferenceService")["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"].items() <= runtime["spec"]["supportedModelFormats"][0].items()
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    claim = named("overlays/cpu", "Deployment")["spec"]["template"]["spec"]["volumes"][0]
    assert model["storageUri"] == f"pvc://{claim['persistentVolumeClaim']['claimName']}/"
