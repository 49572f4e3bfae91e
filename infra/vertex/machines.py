"""What a deployed version runs on."""

import argparse
import dataclasses

from google.cloud.aiplatform_v1.types import DedicatedResources, MachineSpec

from preprocessing.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Machines:
    """Machines of one kind; Vertex AI starts more of them under load, up to a limit."""

    machine_type: str
    accelerator: str | None  # "NVIDIA_TESLA_T4" and the like
    accelerator_count: int
    min_replicas: int
    max_replicas: int

    def __post_init__(self) -> None:
        if not 1 <= self.min_replicas <= self.max_replicas:
            raise InputError(
                f"--min_replicas is {self.min_replicas} and --max_replicas {self.max_replicas}, "
                "expected at least 1, and a maximum that is not below the minimum."
            )
        if self.accelerator_count < 1:
            raise InputError(
                f"--accelerator_count is {self.accelerator_count}, expected 1 or more."
            )
        if (
            self.accelerator
            and self.accelerator
            not in MachineSpec.pb()
            .DESCRIPTOR.fields_by_name["accelerator_type"]
            .enum_type.values_by_name
        ):
            raise InputError(
                f"--accelerator is {self.accelerator!r}, expected one that Vertex AI has, such as "
                "NVIDIA_TESLA_T4 or NVIDIA_L4."
            )

    @property
    def kind(self) -> str:
        """One machine, for people."""
        accelerator = f" with {self.accelerator_count} {self.accelerator}"
        return f"{self.machine_type}{accelerator if self.accelerator else ''}"

    @property
    def text(self) -> str:
        """All of them, for people."""
        return f"{self.min_replicas} to {self.max_replicas} {self.kind}"

    @property
    def spec(self) -> MachineSpec:
        """One machine."""
        if not self.accelerator:
            return MachineSpec(machine_type=self.machine_type)
        return MachineSpec(
            machine_type=self.machine_type,
            accelerator_type=self.accelerator,
            accelerator_count=self.accelerator_count,
        )

    @property
    def resources(self) -> DedicatedResources:
        """All of them."""
        return DedicatedResources(
            machine_spec=self.spec,
            min_replica_count=self.min_replicas,
            max_replica_count=self.max_replicas,
        )

    def are(self, resources: DedicatedResources) -> bool:
        """Whether a version runs on these."""
        mine = self.resources
        return (
            _key(resources.machine_spec) == _key(mine.machine_spec)
            and resources.min_replica_count == mine.min_replica_count
            and resources.max_replica_count == mine.max_replica_count
        )


def _key(spec: MachineSpec) -> tuple[str, int, int]:
    return spec.machine_type, spec.accelerator_type, spec.accelerator_count


def from_flags(flags: argparse.Namespace) -> Machines:
    """The machines of a command line.

    Raises:
        InputError: they cannot be.
    """
    return Machines(
        machine_type=flags.machine_type,
        accelerator=flags.accelerator,
        accelerator_count=flags.accelerator_count,
        min_replicas=flags.min_replicas,
        max_replicas=flags.max_replicas or flags.min_replicas,
    )
