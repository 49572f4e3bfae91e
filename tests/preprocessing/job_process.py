"""Jobs in processes of their own, which tests may kill."""

import contextlib
import csv
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

from preprocessing.dataset_info import load_info

ROOT = pathlib.Path(__file__).parents[2]
_MARK = "BERTLINE_TEST_JOB"  # in the environment of a job's processes


class JobProcess:
    """`python -m preprocessing …`, started."""

    def __init__(self, *flags: object):
        self._mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "preprocessing", *map(str, flags)],
            cwd=ROOT,
            env=os.environ | {_MARK: self._mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, timeout_s: float) -> tuple[int, list[str]]:
        """Waits for the end: exit status and the lines of stderr."""
        _, stderr = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, stderr.splitlines()

    def processes(self) -> dict[int, str]:
        """The job's processes that run: their numbers and commands."""
        found = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # ended
                if f"{_MARK}={self._mark}".encode() in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # none: it has ended, and waits for its parent to notice
                        found[int(folder.name)] = command
        return found

    def workers(self) -> list[int]:
        """The numbers of its worker processes: those that the fork server started."""
        lines = self.processes()
        servers = [n for n, line in lines.items() if ".forkserver import" in line]
        return [n for n in lines if _parent(n) in servers]

    def wait_until(self, condition: Callable[[], object], timeout_s: float = 60.0) -> bool:
        """Waits with no pause for what a job does; False if it ends before that."""
        limit = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < limit, "timeout"
            if self.process.poll() is not None:
                return False
        return True

    def wait_until_gone(self, timeout_s: float) -> dict[int, str]:
        """The processes that are left when there are none or the time is over."""
        limit = time.monotonic() + timeout_s
        while (left := self.processes()) and time.monotonic() < limit:
            time.sleep(0.1)
        return left


def _parent(number: int) -> int | None:
    with contextlib.suppress(OSError):  # ended
        return int(pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return None


@contextlib.contextmanager
def job_process(*flags: object) -> Iterator[JobProcess]:
    """Starts a job; none of its processes outlives the block."""
    job = JobProcess(*flags)
    try:
        yield job
    finally:
        for number in job.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        job.process.communicate()


def contents(data: pathlib.Path) -> dict[str, bytes]:
    """The files that `info.json` names and itself, as they were at one moment of a job.

    Raises:
        FileNotFoundError: one is missing.
    """
    while True:
        info = (data / "info.json").read_bytes()
        try:
            files = {name: (data / name).read_bytes() for name in load_info(data).files()}
        except FileNotFoundError:
            if (data / "info.json").read_bytes() == info:
                raise
            continue  # a new data set was published meanwhile
        if (data / "info.json").read_bytes() == info:
            return files | {"info.json": info}


def write_reviews(sample_dir: pathlib.Path, folder: pathlib.Path, files: int, times: int) -> None:
    """The sample's reviews as CSV files, each some times under other ids."""
    paths = sorted(sample_dir.glob("aclImdb/*/*/*.txt"))
    reviews = [(path.parent.name, path.read_text()) for path in paths]
    folder.mkdir()
    for number in range(files):
        with open(folder / f"part-{number}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["label", "text"])
            for time_ in range(times):
                rows.writerows((label, f"{time_} {text}") for label, text in reviews)
