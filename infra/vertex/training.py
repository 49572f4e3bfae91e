"""A training job on Vertex AI: `python -m trainer` in its image, on machines with GPUs."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence

from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import CustomJob, JobState
from google.protobuf import duration_pb2

from infra.vertex import retries
from infra.vertex.clients import Clients
from infra.vertex.errors import explained
from infra.vertex.machines import Machines
from infra.vertex.names import MANAGED_LABEL
from infra.vertex.steps import Step, Steps
from preprocessing.errors import InputError

RUN_LABEL = "bertline_run"  # of the output folder: one job at a time writes there
_SPEC_LABEL = "bertline_spec"  # of all that was asked for
_ACTIVE = {
    JobState.JOB_STATE_QUEUED,
    JobState.JOB_STATE_PENDING,
    JobState.JOB_STATE_RUNNING,
    JobState.JOB_STATE_PAUSED,
    JobState.JOB_STATE_UPDATING,
}
_FIRST_POLL_S, _LONGEST_POLL_S, _TELL_EVERY_S = 0.1, 15.0, 60.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """What is to be trained, and on what."""

    trainer_flags: Sequence[str]  # of python -m trainer, with gs:// paths
    image: str
    machines: Machines  # as many as there are workers
    spot: bool  # cheaper machines that may be taken away at any time
    max_hours: float
    service_account: str
    wait: bool


def output_dir(trainer_flags: Sequence[str]) -> str:
    """The run's folder.

    Raises:
        InputError: it, or that of the data, is no folder in a bucket.
    """
    for flag in ("--data_dir", "--output_dir"):
        value = _value(trainer_flags, flag)
        if not value.startswith("gs://"):
            raise InputError(
                f"{flag} is {value or 'not set'}, expected a folder in a bucket, gs://BUCKET/…: "
                "the job's machines have no other that stays."
            )
    return value.rstrip("/")


def _value(flags: Sequence[str], flag: str) -> str:
    """The last value of a flag, given as `--flag value` or `--flag=value`; "" without it."""
    found = ""
    for place, one in enumerate(flags):
        if one.startswith(f"{flag}="):
            found = one.partition("=")[2]
        elif one == flag and place + 1 < len(flags):
            found = flags[place + 1]
    return found


def mounted(flag: str) -> str:
    """A flag as the job's machines take it: Vertex AI mounts buckets below /gcs."""
    name, equals, value = flag.rpartition("=")
    return f"{name}{equals}/gcs/{value[5:]}" if value.startswith("gs://") else flag


def train(clients: Clients, wanted: Training, dry_run: bool = False) -> CustomJob | None:
    """Starts the job if none is there yet, and waits for its end.

    Returns:
        The job; None after a dry run that found none.

    Raises:
        InputError: the flags cannot be, another job writes to the folder, or the job failed.
    """
    run = output_dir(wanted.trainer_flags)
    steps = Steps(1 + (wanted.wait and not dry_run), dry_run)
    job = steps.take(_job_step(clients, wanted, run))
    if job is None or dry_run or not wanted.wait:
        return job
    return steps.take(_wait_step(clients, job))


def _job_step(clients: Clients, wanted: Training, run: str) -> Step[CustomJob]:
    settings = clients.settings
    new = _job(wanted, run)

    def find() -> CustomJob | None:
        with explained(f"look for jobs of {run}", "aiplatform", settings.project):
            found = _newest(clients, run)
        if found is None:
            return None
        same = found.labels.get(_SPEC_LABEL) == new.labels[_SPEC_LABEL]
        if found.state in _ACTIVE and not same:
            raise InputError(
                f"--output_dir {run}: the job {found.name} with other flags is writing there. Wait "
                f"for it, or cancel it: `gcloud ai custom-jobs cancel {found.name}`."
            )
        is_whole = found.state == JobState.JOB_STATE_SUCCEEDED
        return found if same and (is_whole or found.state in _ACTIVE) else None

    def make(_: Callable[[str], None]) -> CustomJob:
        def once() -> CustomJob:
            return find() or clients.jobs.create_custom_job(parent=settings.parent, custom_job=new)

        with explained(f"start the training of {run}", "aiplatform", settings.project):
            return retries.looked_again(settings)(once)()

    machines = f"{wanted.machines.min_replicas} {wanted.machines.kind}"
    return Step(
        title=f"training job for {run}",
        find=find,
        make=make,
        would=f"started on {machines}{' (spot)' * wanted.spot} with {wanted.image}",
        costs=f"{machines}, as long as it runs, {wanted.max_hours:g} hours at most",
    )


def _newest(clients: Clients, run: str) -> CustomJob | None:
    """The last job of a run's folder."""
    settings = clients.settings
    found = clients.jobs.list_custom_jobs(
        request={
            "parent": settings.parent,
            "filter": f"labels.{RUN_LABEL}={_digest(run)}",
        },
        retry=retries.requests(settings),
    )
    return max(found, key=lambda job: job.create_time, default=None)


def _job(wanted: Training, run: str) -> CustomJob:
    workers = wanted.machines.min_replicas
    spec = aiplatform_v1.CustomJobSpec(
        # The first pool is the chief; Vertex AI sets TF_CONFIG for all of them.
        worker_pool_specs=[
            aiplatform_v1.WorkerPoolSpec(
                machine_spec=wanted.machines.spec,
                replica_count=replicas,
                container_spec=aiplatform_v1.ContainerSpec(
                    image_uri=wanted.image,
                    command=["python", "-m", "trainer"],
                    args=[mounted(flag) for flag in wanted.trainer_flags],
                ),
            )
            for replicas in (1, workers - 1)
            if replicas
        ],
        scheduling=aiplatform_v1.Scheduling(
            timeout=duration_pb2.Duration(seconds=round(wanted.max_hours * 3600)),
            restart_job_on_worker_restart=workers > 1,
            strategy="SPOT" if wanted.spot else "STANDARD",
        ),
        service_account=wanted.service_account,
    )
    text = aiplatform_v1.CustomJobSpec.to_json(spec, sort_keys=True)
    return CustomJob(
        display_name=f"bertline {run.rpartition('/')[2]}",
        job_spec=spec,
        labels=MANAGED_LABEL | {RUN_LABEL: _digest(run), _SPEC_LABEL: _digest(text)},
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]  # labels hold 63 characters


def _wait_step(clients: Clients, job: CustomJob) -> Step[CustomJob]:
    def ask() -> CustomJob:
        with explained(f"ask for the job {job.name}", "aiplatform", clients.settings.project):
            return clients.jobs.get_custom_job(
                name=job.name, retry=retries.requests(clients.settings)
            )

    def find() -> CustomJob | None:
        found = ask()
        return found if found.state == JobState.JOB_STATE_SUCCEEDED else None

    def make(tell: Callable[[str], None]) -> CustomJob:
        start = told = time.monotonic()
        pause, state = _FIRST_POLL_S, None
        while (found := ask()).state in _ACTIVE:
            now = time.monotonic()
            if found.state != state or now - told >= _TELL_EVERY_S:
                told, state = now, found.state
                tell(f"{_state_text(found)}, {now - start:.0f} s so far")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_S)
        if found.state != JobState.JOB_STATE_SUCCEEDED:
            raise _failed(found)
        return found

    return Step(title=job.name, find=find, make=make, would="finished", already="is finished")


def _state_text(job: CustomJob) -> str:
    return job.state.name.removeprefix("JOB_STATE_").lower()


def _failed(job: CustomJob) -> InputError:
    reason = f": {' '.join(job.error.message.split())}" if job.error.message else ""
    return InputError(
        f"the job {job.name} is {_state_text(job)}{reason.rstrip('.')}. Its log: `gcloud ai "
        f"custom-jobs stream-logs {job.name}`. The same command starts another, which goes on from "
        "the last checkpoint."
    )
