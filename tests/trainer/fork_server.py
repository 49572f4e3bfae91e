"""Trainer processes that start in no time: forked from one that has imported all they need.

`python -m tests.trainer.fork_server` reads requests as lines of JSON: to start a trainer, or to
wait for one. It runs no TensorFlow op itself, so that there are no threads to lose in a fork.
"""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]


class ForkServer:
    """The process with the imports. Use it as a context manager."""

    def __init__(self) -> None:
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.trainer.fork_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | quiet,
        )

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait()

    def ask(self, **request: Any) -> Any:
        """Sends a request, and gives the answer."""
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


class Trainer:
    """A running `python -m trainer`.

    Args:
        server: to be forked from.
        flags: of the trainer.
        log: the file for its stderr.
        devices: logical CPUs that it sees.
        environment: variables to set; COMPILE_KERNELS has them compiled, as long runs have.
    """

    def __init__(self, server, flags, log, devices=1, **environment):
        self._server, self._log, self._status = server, log, None
        log.touch()
        self._pid = server.ask(flags=flags, log=str(log), devices=devices, environment=environment)

    def log(self):
        """What it has written so far."""
        return self._log.read_text()

    def send_signal(self, number):
        os.kill(self._pid, number)

    def limit_files(self, size):
        """From now on the kernel refuses it files of more bytes."""
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (size, size))

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def finish(self, timeout_s=300):
        """Waits for its end; gives the exit status, negative for a signal, and the log."""
        self._status = self._server.ask(wait=self._pid, timeout_s=timeout_s)
        assert self._status is not None, f"no end within {timeout_s} s: {self.log()}"
        return self._status, self.log()

    def end(self):
        """Kills it where it still runs."""
        if self._status is None:
            self.kill()
            self.finish()


def serve() -> None:
    """Answers requests until stdin ends."""
    import tensorflow_text  # noqa: F401
    from keras_hub.models import BertBackbone  # noqa: F401

    import trainer.train  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = _wait(request["wait"], request["timeout_s"])
        else:
            answer = os.fork()
            if answer == 0:
                return _train(**request)
        print(json.dumps(answer), flush=True)


def _wait(pid: int, timeout_s: float) -> int | None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def _train(flags: list[str], log: str, devices: int, environment: dict[str, str]) -> None:
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    os.environ.update(environment)
    tempfile.tempdir = str(pathlib.Path(log).parent)  # for the files of AutoGraph in killed ones
    sys.argv[1:] = flags
    import tensorflow as tf

    from preprocessing.command_line import run
    from trainer import kernels
    from trainer.__main__ import main

    if environment.get("COMPILE_KERNELS"):
        kernels.WORTH_COMPILING = 0
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(cpu, logical)
    run(main)


if __name__ == "__main__":
    serve()
