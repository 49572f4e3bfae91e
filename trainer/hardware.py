"""What a run ran on, and the most memory it took."""

import dataclasses
import os
import pathlib
import platform
import resource
import sys

import tensorflow as tf

MIB = 2**20
_STATUS = pathlib.Path("/proc/self/status")
_CPU_INFO = pathlib.Path("/proc/cpuinfo")
_CGROUP_LIMITS = (  # of version 2 and 1, as they stand in a container
    pathlib.Path("/sys/fs/cgroup/memory.max"),
    pathlib.Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hardware:
    """The machine of this process."""

    cpu: str  # the model's name
    cores: int  # logical ones that the process may use
    memory_mib: int
    gpus: tuple[str, ...]  # the models' names


def hardware() -> Hardware:
    """Asks the system and TensorFlow."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return Hardware(
        cpu=_cpu(),
        cores=_cores(),
        memory_mib=memory_limit_mib(),
        gpus=tuple(each.get("device_name", "unknown GPU") for each in details),
    )


def memory_limit_mib() -> int:
    """The memory that this process may take: the machine's, or less in a container, in MiB."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limits += [int(text) for text in map(_text, _CGROUP_LIMITS) if text.strip().isdigit()]
    return min(limits) // MIB


def peak_memory_mib() -> float:
    """The most resident memory that this process has had, in MiB."""
    peak = _field(_STATUS, "VmHWM")  # getrusage begins with the peak of the parent process
    if peak:
        return int(peak.split()[0]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def peak_gpu_memory_mib() -> float | None:
    """The most memory that TensorFlow has taken of one GPU, in MiB; None without a GPU."""
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    peaks = [tf.config.experimental.get_memory_info(name)["peak"] for name in gpus]
    return max(peaks) / MIB if peaks else None


def _cpu() -> str:
    return _field(_CPU_INFO, "model name") or platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _field(path: pathlib.Path, name: str) -> str:
    """The value of the first line "name: value"; "" where there is no such file or line."""
    for line in _text(path).splitlines():
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return ""


def _text(path: pathlib.Path) -> str:
    return path.read_text() if path.exists() else ""
