r"""New versions under load: the requests that fail, and the memory that a change takes.

python -m benchmarks.hot_reload --model_dir models/sentiment --versions 20 --duration_s 300

The newest version is served from a folder of its own, which gets --versions copies of it, one after
the other over the time, each as the next version. Meanwhile the server is asked --load of what it
takes, half over gRPC and half over REST. The verdict is the exit status: 0 without a failed request
and with the memory back at its level, else 1.
"""

import argparse
import pathlib
import shutil
import statistics
import tempfile
import threading
import time

from benchmarks.server_load import (
    MODEL,
    Load,
    Sample,
    Server,
    Watch,
    capacity,
    conclude,
    load_parser,
    serve,
    told,
)
from preprocessing import command_line
from preprocessing.errors import InputError
from serving.model_dir import newest_version, publish, unpublished_version

SETTLE_S = 40.0  # under load after the last change: the server gives memory back up to 30 s later
CHANGE_TIMEOUT_S = 60.0
MAX_GROWTH = 0.05


class Publisher(threading.Thread):
    """Publishes a version every `interval_s`, each a copy of `source`."""

    def __init__(self, server: Server, source: pathlib.Path, base: pathlib.Path, versions: int,
                 interval_s: float):  # fmt: skip
        super().__init__(daemon=True)
        self._server, self._source, self._base = server, source, base
        self._versions, self._interval_s = versions, interval_s
        self.seconds: list[float] = []  # from a version's appearance to the end of the one before
        self.error = ""

    def run(self) -> None:
        """Until all are there, or one does not come."""
        start = time.monotonic()
        for number in range(1, self._versions + 1):
            time.sleep(max(0.0, start + number * self._interval_s - time.monotonic()))
            with unpublished_version(self._base) as folder:
                shutil.copytree(self._source, folder, dirs_exist_ok=True)
                publish(folder, self._base)
            began = time.monotonic()
            while f"model {MODEL} version {number} is unloaded" not in self._server.log.read_text():
                if time.monotonic() > began + CHANGE_TIMEOUT_S:
                    self.error = f"version {number} was not replaced in {CHANGE_TIMEOUT_S:.0f} s"
                    return
                time.sleep(0.1)
            self.seconds.append(time.monotonic() - began)


def verdict(load: Load, samples: list[Sample], interval_s: float) -> list[str]:
    """What is wrong; nothing if all is well."""
    wrong = []
    if load.failures:
        wrong.append(f"{len(load.failures)} requests failed, such as: {load.failures[0]}")
    memory = [one.rss_mib for one in samples]
    before = statistics.median(memory[int(interval_s) // 2 : int(interval_s)] or memory[:1])
    after = statistics.median(memory[-5:])
    print(f"memory: {before:.0f} MiB before, at most {max(memory):.0f} MiB, {after:.0f} MiB after")
    if after > before * (1 + MAX_GROWTH):
        wrong.append(f"the memory has grown by {after - before:.0f} MiB")
    return wrong


def run(flags: argparse.Namespace, folder: pathlib.Path) -> list[str]:
    """The whole test; what is wrong."""
    source, base = newest_version(flags.model_dir), folder / MODEL
    shutil.copytree(source, base / "1")
    interval_s = flags.duration_s / flags.versions
    with serve(base, folder, *flags.server_flags) as server:
        load = Load(server.port, server.rest_port, flags.inputs, flags.clients)
        rate = capacity(load, flags.duration_s) * flags.load
        watch = Watch(server.process.pid)
        publisher = Publisher(server, source, base, flags.versions, interval_s)
        publisher.start()
        load.open(rate, flags.duration_s + SETTLE_S)
        publisher.join()
        samples = watch.stop()
    print(told(load))
    if publisher.seconds:
        print(
            f"{len(publisher.seconds)} versions; from the appearance of one to the end of the one "
            f"before {statistics.median(publisher.seconds):.1f} s, at most "
            f"{max(publisher.seconds):.1f} s"
        )
    wrong = verdict(load, samples, interval_s)
    return [publisher.error, *wrong] if publisher.error else wrong


def main(arguments: list[str]) -> None:
    """Reads the flags, prints the verdict; exits with 1 unless it is good."""
    parser = load_parser("hot_reload", __doc__, duration_s=300, load=0.5)
    parser.add_argument("--versions", type=int, default=20, help="to publish")
    flags = parser.parse_args(arguments)
    if flags.versions < 1:
        raise InputError(f"--versions is {flags.versions}, expected at least 1.")
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(flags, pathlib.Path(folder))
    conclude(wrong)


if __name__ == "__main__":
    command_line.run(main)
