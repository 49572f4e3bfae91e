"""Training jobs: started once, waited for, gone on with."""

import importlib.metadata
import signal

import pytest
from google.cloud import aiplatform_v1 as v1

from preprocessing.errors import InputError
from tests.infra.vertex.faults import Fault

RUN = ["--task", "imdb", "--data_dir", "gs://b/data/imdb", "--output_dir=gs://b/runs/imdb"]


def jobs(cloud):
    return list(cloud.vertex.jobs.values())


def test_the_trainer_runs_in_its_image_on_the_machines_asked_for(cloud, capsys):
    cloud.run(
        "train", *RUN, "--epochs", 2, "--machine_type", "g2-standard-8", "--accelerator",
        "NVIDIA_L4", "--workers", 3, "--spot", "--max_hours", 1.5,
    )  # fmt: skip
    (job,) = jobs(cloud)
    assert capsys.readouterr().out == f"{job.name}\n"
    assert job.state == v1.JobState.JOB_STATE_SUCCEEDED
    chief, others = job.job_spec.worker_pool_specs
    assert (chief.replica_count, others.replica_count) == (1, 2)
    assert chief.container_spec == others.container_spec
    assert chief.container_spec.image_uri == (
        "europe-west4-docker.pkg.dev/my-project/bertline/trainer:"
        + importlib.metadata.version("bertline")
    )
    assert [*chief.container_spec.command, *chief.container_spec.args] == [
        "python", "-m", "trainer", "--task", "imdb", "--data_dir", "/gcs/b/data/imdb",
        "--output_dir=/gcs/b/runs/imdb", "--epochs", "2",
    ]  # fmt: skip
    assert chief.machine_spec.machine_type == "g2-standard-8"
    assert chief.machine_spec.accelerator_type == v1.AcceleratorType.NVIDIA_L4
    scheduling = job.job_spec.scheduling
    assert scheduling.timeout.total_seconds() == 5400
    assert scheduling.strategy == v1.Scheduling.Strategy.SPOT
    assert scheduling.restart_job_on_worker_restart


def test_a_finished_run_is_not_trained_again(cloud, capsys):
    cloud.run("train", *RUN)
    capsys.readouterr()
    cloud.run("train", *RUN)
    assert len(jobs(cloud)) == 1
    assert "is finished" in capsys.readouterr().err
    cloud.run("train", *RUN, "--epochs", 3)  # but with other flags it is another run
    assert len(jobs(cloud)) == 2


def test_a_job_that_runs_is_waited_for_and_another_refused(cloud):
    cloud.run("train", *RUN, "--no_wait")
    with pytest.raises(InputError, match="with other flags is writing there"):
        cloud.run("train", *RUN, "--epochs", 3)
    cloud.run("train", *RUN)
    assert len(jobs(cloud)) == 1


@pytest.mark.parametrize("kind", ["before", "after", "drop"])
def test_a_lost_request_or_answer_starts_no_second_job(cloud, kind):
    cloud.vertex.faults.add("CreateCustomJob", Fault(kind))
    cloud.run("train", *RUN)
    assert [job.state.name for job in jobs(cloud)] == ["JOB_STATE_SUCCEEDED"]


@pytest.mark.slow
def test_a_command_that_is_killed_leaves_a_job_that_the_next_waits_for(cloud):
    fault = cloud.vertex.faults.add("CreateCustomJob", Fault("hold"))
    process = cloud.process("train", *RUN)
    assert fault.reached.wait(60), process.communicate()
    process.kill()
    process.communicate()
    fault.let_go.set()
    assert process.returncode == -signal.SIGKILL
    cloud.run("train", *RUN)
    assert [job.state.name for job in jobs(cloud)] == ["JOB_STATE_SUCCEEDED"]


def test_a_job_that_failed_is_told_and_the_next_command_starts_another(cloud):
    cloud.vertex.faults.add("job", Fault("", "JOB_STATE_FAILED", "replica 0 ran out of memory."))
    with pytest.raises(InputError, match=r"is failed: replica 0 ran out of memory\. Its log: "):
        cloud.run("train", *RUN)
    cloud.run("train", *RUN)
    states = [job.state.name for job in jobs(cloud)]
    assert states == ["JOB_STATE_FAILED", "JOB_STATE_SUCCEEDED"]


def test_a_dry_run_starts_nothing(cloud, capsys):
    cloud.run("train", *RUN, "--dry_run", "--workers", 2)
    assert jobs(cloud) == []
    assert "costs: 2 n1-standard-8, as long as it runs, 24 hours at most" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data_dir", "gs://b/d"], "--output_dir is not set, expected a folder in a bucket"),
        (["--data_dir=data", "--output_dir=gs://b/r"], "--data_dir is data, expected a folder"),
        ([*RUN, "--workers", 0], "--workers is 0"),
    ],
)
def test_what_cannot_be_is_refused(cloud, flags, said):
    with pytest.raises(InputError) as raised:
        cloud.run("train", *flags)
    assert said in str(raised.value)
    assert cloud.vertex.calls == []


def test_other_commands_refuse_flags_that_they_do_not_know(cloud):
    with pytest.raises(InputError, match="unrecognized arguments: --epochs"):
        cloud.run("list", "--epochs", 2)
