"""Preprocessing on Dataflow: `python -m preprocessing` with the flags of Beam's runner."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.vertex.settings import Settings
from preprocessing.errors import InputError

if TYPE_CHECKING:
    from infra.vertex.clients import Clients


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What is to be preprocessed, and on what."""

    flags: Sequence[str]  # of python -m preprocessing: the task, its flags, further ones of Beam
    image: str  # of the workers
    machine_type: str
    max_workers: int
    service_account: str

    def __post_init__(self) -> None:
        if not self.flags or self.flags[0] not in ("imdb", "squad"):
            found = self.flags[0] if self.flags else "nothing"
            raise InputError(
                f"the task is {found}, expected imdb or squad: python -m infra.vertex preprocess "
                "imdb --input gs://… --output_dir gs://…"
            )
        if self.max_workers < 1:
            raise InputError(f"--max_workers is {self.max_workers}, expected at least 1.")
        for flag in ("--input", "--output_dir"):
            _check_remote(self.flags, flag)

    @property
    def output_dir(self) -> str:
        """The folder of the data set."""
        return _values(self.flags, "--output_dir")[-1].rstrip("/")


def _check_remote(flags: Sequence[str], flag: str) -> None:
    values = _values(flags, flag)
    bad = [value for value in values if not value.startswith("gs://")]
    if bad or not values:
        raise InputError(
            f"{flag} is {bad[0] if bad else 'not set'}, expected gs://BUCKET/…: Dataflow's workers "
            "see nothing of this machine."
        )


def _values(flags: Sequence[str], flag: str) -> list[str]:
    """All values of a flag that takes several, given as `--flag a b` or `--flag=a`."""
    found: list[str] = []
    is_open = False
    for one in flags:
        if one.startswith("--"):
            name, equals, value = one.partition("=")
            is_open = name == flag and not equals
            found += [value] if name == flag and equals else []
        elif is_open:
            found.append(one)
    return found


def arguments(settings: Settings, wanted: Preprocessing) -> list[str]:
    """The command line of `python -m preprocessing` that runs the job on Dataflow.

    A job's name follows from its output, as Dataflow refuses a second job of a name while the
    first one runs. It gets no labels: preprocessing has a flag `--labels` of its own.
    """
    digest = hashlib.sha256(wanted.output_dir.encode()).hexdigest()[:10]
    temporary = f"gs://{settings.bucket_name}/bertline/dataflow"
    beam_flags = [
        "--runner=DataflowRunner",
        f"--project={settings.project}",
        f"--region={settings.region}",
        f"--temp_location={temporary}/temp",
        f"--staging_location={temporary}/staging",
        f"--job_name=bertline-{wanted.flags[0]}-{digest}",
        f"--sdk_container_image={wanted.image}",
        "--sdk_location=container",  # Beam and Bertline are in the image, nothing is installed
        f"--worker_machine_type={wanted.machine_type}",
        f"--max_num_workers={wanted.max_workers}",
    ]
    if wanted.service_account:
        beam_flags.append(f"--service_account_email={wanted.service_account}")
    return [*wanted.flags, *beam_flags]


def preprocess(clients: "Clients", wanted: Preprocessing, dry_run: bool = False) -> None:
    """Makes the bucket if it is missing, runs the job and waits for its end.

    Raises:
        InputError: flags, sources or rights are not right, or the job failed.
    """
    from infra.vertex.buckets import bucket_step
    from infra.vertex.steps import Steps
    from preprocessing import __main__ as preprocessing

    Steps(1, dry_run).take(bucket_step(clients))
    command = arguments(clients.settings, wanted)
    if dry_run:
        print("would run: python -m preprocessing " + " ".join(command))
        print(
            f"costs: up to {wanted.max_workers} {wanted.machine_type} of Dataflow as long as the "
            "job runs; storage, for each GB and month"
        )
        command.append("--dry_run")
    try:
        preprocessing.main(command)
    except Exception as error:
        # Beam's own kinds are imported late, with the runner.
        if type(error).__name__ != "DataflowRuntimeException":
            raise
        raise InputError(
            f"the Dataflow job failed: {' '.join(str(error).split()).rstrip('.')[:1000]}. "
            "Nothing is published; the same command starts it anew."
        ) from error
