"""The cluster of TF_CONFIG, as Vertex AI, Kubernetes and TFJob set it. Imports no TensorFlow."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from preprocessing.errors import InputError

VARIABLE = "TF_CONFIG"
EXAMPLE = (
    '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}} in '
    "every worker"
)
CHIEF_NAMES = ("chief", "master")  # TFJob also knows the name of TensorFlow 1
OTHER_JOBS = {
    "evaluator": "The workers evaluate at each epoch's end",
    "ps": "The workers hold the variables themselves",
}


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together, and which of them this one is.

    Attributes:
        jobs: "chief" and "worker", where there are some -> their addresses, host:port.
        job: of this process.
        index: of this process within its job.
    """

    jobs: Mapping[str, tuple[str, ...]]
    job: str
    index: int

    @property
    def processes(self) -> int:
        """How many processes train."""
        return sum(len(addresses) for addresses in self.jobs.values())

    @property
    def name(self) -> str:
        """Of this process, such as "worker 1"."""
        return f"{self.job} {self.index}"

    @property
    def address(self) -> str:
        """Of this process, host:port."""
        return self.jobs[self.job][self.index]

    @property
    def others(self) -> dict[str, str]:
        """The other processes: name -> address."""
        names = {
            f"{job} {index}": address
            for job, addresses in self.jobs.items()
            for index, address in enumerate(addresses)
        }
        return {name: address for name, address in names.items() if name != self.name}

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes the run directory."""
        return self.job == "chief" or ("chief" not in self.jobs and self.index == 0)


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """Reads TF_CONFIG; None where it is not set or names no worker, as in a job of one process.

    Jobs that do not train ("evaluator", "ps") may stand in the cluster; they are left out.

    Raises:
        InputError: it is not JSON, not a cluster, or this process does not train.
    """
    text = environment.get(VARIABLE, "")
    try:
        content = json.loads(text or "{}")
        addresses = _addresses(content.get("cluster") or {})
        task = content.get("task") or {}
        job, index = str(task.get("type", "worker")), int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"the environment variable {VARIABLE} is {text!r}, which is not a cluster in JSON "
            f"({error}). Set it to {EXAMPLE}, or unset it to train on one machine."
        ) from error
    if not addresses:
        return None
    job = "chief" if job in CHIEF_NAMES else job
    _check_task(job, index, addresses)
    return Cluster(addresses, job, index)


def check_named(cluster: Cluster | None) -> Cluster:
    """The cluster of `--strategy multi_worker`.

    Raises:
        InputError: there is none.
    """
    if cluster is None:
        raise InputError(
            f"--strategy is 'multi_worker', but the environment variable {VARIABLE} names no "
            f"worker. Set it to {EXAMPLE}, or use --strategy one_device."
        )
    return cluster


def _addresses(cluster: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, addresses in cluster.items():
        if not isinstance(addresses, list) or not all(isinstance(each, str) for each in addresses):
            raise ValueError(f"{name!r} is {addresses!r}, not a list of host:port")
        if addresses and name not in OTHER_JOBS:
            found["chief" if name in CHIEF_NAMES else name] = tuple(addresses)
    return found


def _check_task(job: str, index: int, addresses: Mapping[str, tuple[str, ...]]) -> None:
    if job in OTHER_JOBS:
        raise InputError(
            f"{VARIABLE}: this process is of type {job!r}, but only chief and workers train. "
            f"{OTHER_JOBS[job]}: leave this job out."
        )
    unknown = sorted(addresses.keys() - {"chief", "worker"})
    if unknown or job not in addresses or not 0 <= index < len(addresses[job]):
        named = ", ".join(f"{len(each)} {name}" for name, each in addresses.items())
        raise InputError(
            f"{VARIABLE}: this process is {job} {index}, but the cluster has {named}. Set it to "
            f"{EXAMPLE}."
        )
