"""Deploying, from a folder to an endpoint: real client libraries, real gRPC and HTTP."""

import collections
import importlib.metadata
import signal

import pytest

from preprocessing.errors import InputError
from tests.infra.vertex.faults import Fault
from tests.infra.vertex.vertex_server import NUMBER

MODEL = "locations/europe-west4/models/bertline-sentiment"
IMAGE = "europe-west4-docker.pkg.dev/my-project/bertline/serving:" + importlib.metadata.version(
    "bertline"
)
ONCE = {"UploadModel": 1, "CreateEndpoint": 1, "DeployModel": 1}


def starts(cloud):
    """How often each request that makes something was sent."""
    return {
        name: count
        for name, count in collections.Counter(cloud.vertex.calls).items()
        if name in ONCE
    }


def assert_whole(cloud):
    """Everything is there, once, and is what was in the folder."""
    (version,) = cloud.vertex.versions[MODEL]
    folder = version.artifact_uri.removeprefix("gs://my-project-bertline/")
    assert {
        name.removeprefix(f"{folder}/3/"): content
        for (bucket, name), content in cloud.storage.objects.items()
    } == {
        path.relative_to(cloud.model_dir / "3").as_posix(): path.read_bytes()
        for path in (cloud.model_dir / "3").rglob("*")
        if path.is_file()
    }
    assert cloud.deployed() == [("sentiment-3", 100)]


def test_all_is_made_and_answers_where_vertex_ai_asks(cloud, capsys):
    cloud.run("deploy", cloud.model_dir, "--max_replicas", 3, "--server_flag=--enable_batching")
    assert_whole(cloud)
    assert starts(cloud) == ONCE
    bucket = cloud.storage.buckets["my-project-bertline"]
    assert bucket["location"] == "europe-west4"
    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"] == {"enabled": True}
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    (version,) = cloud.vertex.versions[MODEL]
    container = version.container_spec
    assert container.image_uri == IMAGE
    assert list(container.command) == ["/usr/bin/tensorflow_model_server"]
    assert list(container.args) == [
        "--model_name=sentiment",
        "--model_base_path=$(AIP_STORAGE_URI)",
        "--port=8500",
        "--rest_api_port=8080",
        "--file_system_poll_wait_seconds=0",
        "--enable_batching",
    ]
    assert [port.container_port for port in container.ports] == [8080]
    assert container.predict_route == "/v1/models/sentiment:predict"
    assert container.health_route == "/v1/models/sentiment"
    assert (
        dict(version.labels).items() >= {"managed_by": "bertline", "bertline_version": "3"}.items()
    )
    (endpoint,) = cloud.vertex.endpoints.values()
    (deployed,) = endpoint.deployed_models
    assert deployed.model == f"{NUMBER}/{MODEL}"
    assert deployed.dedicated_resources.machine_spec.machine_type == "n1-standard-4"
    assert deployed.dedicated_resources.min_replica_count == 1
    assert deployed.dedicated_resources.max_replica_count == 3
    assert "[6/6] 100 % of the requests: is there" in capsys.readouterr().err


def test_a_second_run_changes_nothing(cloud, capsys):
    cloud.run("deploy", cloud.model_dir)
    uploads, before = list(cloud.storage.uploads), starts(cloud)
    capsys.readouterr()
    cloud.run("deploy", cloud.model_dir)
    assert (cloud.storage.uploads, starts(cloud)) == (uploads, before)
    steps = capsys.readouterr().err.splitlines()
    assert len(steps) == 6
    assert all(step.endswith(": is there") for step in steps)


def test_a_dry_run_tells_the_steps_and_what_costs_money(cloud, capsys):
    cloud.run("deploy", cloud.model_dir, "--dry_run")
    assert capsys.readouterr().err.splitlines()[0] == (
        "[1/6] bucket gs://my-project-bertline: would be created in europe-west4; costs: storage, "
        "for each GB and month"
    )
    assert not cloud.storage.buckets
    assert not cloud.storage.objects
    assert starts(cloud) == {}


def test_a_dry_run_of_the_next_version_says_what_is_there(cloud, capsys):
    cloud.run("deploy", cloud.model_dir)
    cloud.add_version(4)
    capsys.readouterr()
    cloud.run("deploy", cloud.model_dir, "--traffic", 10, "--dry_run")
    steps = [line.partition(": ")[2][:8] for line in capsys.readouterr().err.splitlines()]
    assert steps == ["is there", "would be", "would be", "is there", "would be", "would be"]
    assert starts(cloud) == ONCE


def test_a_canary_takes_its_share_and_then_all(cloud):
    cloud.run("deploy", cloud.model_dir)
    cloud.add_version(4)
    cloud.run("deploy", cloud.model_dir, "--traffic", 10)
    assert cloud.deployed() == [("sentiment-3", 90), ("sentiment-4", 10)]
    cloud.run("deploy", cloud.model_dir, "--traffic", 100)
    assert cloud.deployed() == [("sentiment-3", 0), ("sentiment-4", 100)]
    assert [one.version_id for one in cloud.vertex.versions[MODEL]] == ["1", "2"]
    assert starts(cloud) == {"UploadModel": 2, "CreateEndpoint": 1, "DeployModel": 2}


def test_other_machines_are_deployed_beside_and_take_over(cloud):
    cloud.run("deploy", cloud.model_dir)
    cloud.run(
        "deploy", cloud.model_dir, "--machine_type", "g2-standard-4", "--accelerator", "NVIDIA_L4"
    )
    assert cloud.deployed() == [("sentiment-3", 0), ("sentiment-3", 100)]
    on_cpus, on_gpus = cloud.vertex.versions[MODEL]
    assert on_gpus.artifact_uri == on_cpus.artifact_uri
    assert on_gpus.container_spec.image_uri == f"{IMAGE}-gpu"


def test_the_same_number_with_other_content_is_another_version(cloud):
    cloud.run("deploy", cloud.model_dir)
    objects = dict(cloud.storage.objects)
    cloud.add_version(3, b"retrained")
    cloud.run("deploy", cloud.model_dir)
    assert objects.items() <= cloud.storage.objects.items()  # what was deployed is as it was
    assert len(cloud.vertex.versions[MODEL]) == 2


def test_a_file_that_was_spoilt_is_copied_again(cloud):
    cloud.run("deploy", cloud.model_dir)
    spoilt = next(key for key in cloud.storage.objects if key[1].endswith("vocab.txt"))
    cloud.storage.objects[spoilt] = b"cut off"
    cloud.run("deploy", cloud.model_dir)
    assert cloud.storage.uploads.count(spoilt[1]) == 2
    assert_whole(cloud)


def test_a_file_of_9_mb_goes_over_a_resumable_session(cloud):
    (cloud.model_dir / "3" / "variables" / "large").write_bytes(bytes(9 << 20))
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)


@pytest.mark.parametrize("kind", ["before", "after", "drop"])
@pytest.mark.parametrize("method", ONCE)
def test_a_lost_request_or_answer_makes_nothing_twice(cloud, method, kind):
    cloud.vertex.faults.add(method, Fault(kind))
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)
    assert starts(cloud)[method] == (2 if kind == "before" else 1)


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("GetEndpoint", "RESOURCE_EXHAUSTED"),
        ("ListModelVersions", "UNAVAILABLE"),
        ("GetOperation", "INTERNAL"),
        ("ListOperations", "UNAVAILABLE"),
    ],
)
def test_a_question_that_fails_in_passing_is_asked_again(cloud, method, code):
    cloud.vertex.faults.add(method, Fault("before", code))
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)
    assert starts(cloud) == ONCE


@pytest.mark.parametrize("method", ["get_bucket", "create_bucket", "list_objects", "upload"])
@pytest.mark.parametrize(
    "fault", [("before", "429"), ("before", "503"), ("drop", "")], ids=["429", "503", "drop"]
)
def test_storage_that_fails_in_passing_is_asked_again(cloud, method, fault):
    cloud.storage.faults.add(method, Fault(*fault))
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)
    sent_twice = method == "upload" and fault[0] == "drop"  # the first came, but not its answer
    assert len(cloud.storage.uploads) == 4 + sent_twice


SERVICE_DISABLED = "Vertex AI API has not been used in project my-project before or it is disabled."


@pytest.mark.parametrize(
    ("server", "method", "fault", "said"),
    [
        pytest.param(
            "storage", "create_bucket",
            ("403", "a@b.c does not have storage.buckets.create access to the project."),
            "ask for roles/storage.admin", id="bucket",
        ),
        pytest.param(
            "storage", "upload",
            ("403", "Permission 'storage.objects.create' denied on resource"),
            "ask for roles/storage.objectUser", id="objects",
        ),
        pytest.param(
            "vertex", "UploadModel",
            ("PERMISSION_DENIED", "Permission 'aiplatform.models.upload' denied on resource"),
            "ask for roles/aiplatform.user", id="model",
        ),
        pytest.param(
            "vertex", "DeployModel",
            ("PERMISSION_DENIED", "You do not have permission to act as iam.serviceAccounts.actAs"),
            "ask for roles/iam.serviceAccountUser", id="service-account",
        ),
        pytest.param(
            "vertex", "CreateEndpoint", ("PERMISSION_DENIED", SERVICE_DISABLED),
            "gcloud services enable aiplatform.googleapis.com --project my-project", id="api-off",
        ),
        pytest.param(
            "vertex", "CreateEndpoint", ("NOT_FOUND", "Requested entity was not found."),
            "Check --project (my-project), --region", id="not-found",
        ),
        pytest.param(
            "vertex", "GetEndpoint", ("UNAUTHENTICATED", "Request had invalid credentials."),
            "gcloud auth application-default login", id="signed-out",
        ),
        pytest.param(
            "vertex", "DeployModel", ("INVALID_ARGUMENT", "Machine type n9 is not supported."),
            "400 Machine type n9 is not supported. The same command goes on", id="bad-value",
        ),
    ],
)  # fmt: skip
def test_an_error_is_one_line_with_the_fix_and_a_rerun_completes(
    cloud, server, method, fault, said
):
    getattr(cloud, server).faults.add(method, Fault("before", *fault))
    with pytest.raises(InputError) as raised:
        cloud.run("deploy", cloud.model_dir)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)


@pytest.mark.parametrize("method", ONCE)
def test_an_operation_that_ends_in_an_error_is_told_and_tried_by_the_next_run(cloud, method):
    quota = "The following quotas are exceeded: CustomModelServingCPUsPerProjectPerRegion"
    cloud.vertex.faults.add(method, Fault("operation", "RESOURCE_EXHAUSTED", quota))
    with pytest.raises(InputError, match=r"operation .*/operations/\d+ failed: 429 .*Quotas"):
        cloud.run("deploy", cloud.model_dir)
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)


def test_what_fails_for_good_ends_after_retry_s(cloud):
    faults = [Fault("before", "UNAVAILABLE", "no capacity") for _ in range(9)]
    cloud.vertex.faults.add("CreateEndpoint", *faults)
    with pytest.raises(InputError, match=r"503 no capacity\. The service cannot be reached"):
        cloud.run("deploy", cloud.model_dir, "--retry_s", 0.1)
    cloud.vertex.faults.clear()


def test_an_operation_that_takes_too_long_goes_on_and_is_waited_for_by_the_next_run(cloud):
    cloud.vertex.polls = 6
    with pytest.raises(InputError, match=r"still runs after --timeout_s 0\.01\. It goes on"):
        cloud.run("deploy", cloud.model_dir, "--timeout_s", 0.01)
    cloud.vertex.polls = 2
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)
    assert starts(cloud) == ONCE


@pytest.mark.parametrize(
    ("server", "method"),
    [
        pytest.param("storage", "create_bucket", marks=pytest.mark.slow),
        pytest.param("storage", "upload", marks=pytest.mark.slow),
        pytest.param("vertex", "UploadModel", marks=pytest.mark.slow),
        pytest.param("vertex", "CreateEndpoint", marks=pytest.mark.slow),
        ("vertex", "DeployModel"),
    ],
)
def test_a_command_that_is_killed_is_given_again(cloud, server, method):
    fault = getattr(cloud, server).faults.add(method, Fault("hold"))
    process = cloud.process("deploy", cloud.model_dir)
    assert fault.reached.wait(60), process.communicate()
    process.kill()
    process.communicate()
    fault.let_go.set()
    assert process.returncode == -signal.SIGKILL
    cloud.run("deploy", cloud.model_dir)
    assert_whole(cloud)
    assert starts(cloud) == ONCE


def test_a_user_sees_one_line_and_status_2(cloud):
    cloud.vertex.faults.add("GetEndpoint", Fault("before", "PERMISSION_DENIED", "denied"))
    process = cloud.process("deploy", cloud.model_dir)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    (line,) = err.splitlines()
    assert line.startswith("error: could not look at the endpoint of sentiment: 403 denied. Your")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--version", 7], "no version 7, expected one of: 3"),
        (["--name", "My Model"], "--name is 'My Model', expected"),
        (["--traffic", 101], "--traffic is 101, expected percent"),
        (["--traffic", 10], "no other version is deployed to take the rest"),
        (["--min_replicas", 0], "--min_replicas is 0"),
        (["--accelerator", "H900"], "--accelerator is 'H900', expected one that Vertex AI has"),
        (["--region", "mars"], "--region is 'mars', expected one such as us-central1"),
        (["--bucket", "gs://x"], "--bucket is 'gs://x', expected a bucket's name without gs://"),
        (["--timeout_s", 0], "--timeout_s is 0, expected seconds above 0"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(cloud, flags, said):
    with pytest.raises(InputError) as raised:
        cloud.run("deploy", cloud.model_dir, *flags)
    assert said in str(raised.value)
    assert not cloud.storage.buckets


def test_an_endpoint_that_others_made_is_left_alone(cloud):
    cloud.run("deploy", cloud.model_dir)
    next(iter(cloud.vertex.endpoints.values())).labels.clear()
    with pytest.raises(InputError, match="has no label managed_by=bertline: others made it"):
        cloud.run("deploy", cloud.model_dir)
