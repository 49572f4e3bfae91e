"""What a command takes: seconds from exec to exit, processor time, memory of all its processes."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from preprocessing.errors import InputError

SAMPLE_INTERVAL_S = 0.2
_PROC = pathlib.Path("/proc")
_LOG_LINES = 5  # of a command that failed


@dataclasses.dataclass(frozen=True)
class Cost:
    """One run of a command.

    Memory is resident memory, 0 where there is no /proc. Pages that several processes share, such
    as those of libraries and of memory-mapped files, count in each of them.
    """

    seconds: float
    cpu_s: float  # user and system, of all processes; sampled where they were not waited for
    largest_process_mib: float
    all_processes_mib: float  # at the moment when they had most, among the samples


def measure(command: Sequence[str], cwd: pathlib.Path, log: pathlib.Path) -> Cost:
    """Runs a command to its end.

    Args:
        command: program and arguments.
        cwd: the folder to run it in.
        log: file for what it prints.

    Raises:
        InputError: it cannot be started, or its exit status is not 0; with its last words.
    """
    samples = _Samples()
    with open(log, "wb") as output:
        start = time.monotonic()
        with _session(command, cwd, output) as process, samples.taken(process.pid):
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
            process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = log.read_text(errors="replace").strip().splitlines()[-_LOG_LINES:]
        raise InputError(
            f"{' '.join(command)}: exit status {process.returncode}: {' | '.join(last)}"
        )
    return Cost(
        seconds=seconds,
        cpu_s=max(usage.ru_utime + usage.ru_stime, sum(samples.cpu_s.values())),
        largest_process_mib=samples.largest_process_kib / 1024,
        all_processes_mib=samples.all_processes_kib / 1024,
    )


@contextlib.contextmanager
def _session(
    command: Sequence[str], cwd: pathlib.Path, output: BinaryIO
) -> Iterator[subprocess.Popen]:
    """A process in a session of its own, by which its workers are found; none is left behind."""
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"{command[0]}: cannot run it ({error.strerror}).") from error
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class _Samples:
    def __init__(self) -> None:
        self.largest_process_kib = 0
        self.all_processes_kib = 0
        self.cpu_s: dict[int, float] = {}  # of each process

    @contextlib.contextmanager
    def taken(self, session: int) -> Iterator[None]:
        finished = threading.Event()
        thread = threading.Thread(target=self._poll, args=(session, finished), daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()

    def _poll(self, session: int, finished: threading.Event) -> None:
        while _PROC.exists() and not finished.wait(SAMPLE_INTERVAL_S):
            processes = dict(_session_cpu_s(session))
            self.cpu_s |= processes
            sizes = [size for pid in processes if (size := _sizes_kib(pid))]
            for peak, _ in sizes:
                self.largest_process_kib = max(self.largest_process_kib, peak)
            self.all_processes_kib = max(self.all_processes_kib, sum(now for _, now in sizes))


def _session_cpu_s(session: int) -> Iterator[tuple[int, float]]:
    """The processes of a session, and the processor time of each so far."""
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it may be gone
                # pid (name) state parent group session … user system; a name may hold anything
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    ticks = int(fields[11]) + int(fields[12])
                    yield int(folder.name), ticks / os.sysconf("SC_CLK_TCK")


def _sizes_kib(pid: int) -> tuple[int, int] | None:
    """Resident memory of a process: the most so far, and now."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines)
    if "VmHWM" not in values:  # a zombie
        return None
    return int(values["VmHWM"].split()[0]), int(values["VmRSS"].split()[0])
