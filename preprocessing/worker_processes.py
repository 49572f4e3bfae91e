"""Beam's local runner with worker processes that are seen to die, and die with the job."""

import contextlib
import logging
import os
import pathlib
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.job.utils import dict_to_struct
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from preprocessing.worker_main import PARENT

_EXITED = "Worker subprocess exited"  # as Beam says it, in a thread that nobody listens to
DIED = ("Channel closed prematurely", _EXITED)
_GRACE_S = 5.0  # for Beam to notice by itself that a worker died
_INTERVAL_S = 1.0  # between signals to leave what Beam waits for
# Threads that end when a worker does, with an error that they would print.
_THREADS = ("run_worker", "beam_control_read", "read_grpc_client_inputs")


class WorkerProcesses:
    """The worker processes of one job on this machine.

    Args:
        folder: local, for what they print (unless this process logs it all) and for their numbers.
    """

    def __init__(self, folder: pathlib.Path):
        self._log = folder / "log"
        self._pids = folder / "pids"
        self._stopped: BaseException | None = None  # what a signal raised
        self._finished = threading.Event()
        self._lock = threading.Lock()

    def runner(self, options: PipelineOptions) -> FnApiRunner:
        """Beam's local runner as `--direct_running_mode=multi_processing` sets it up."""
        # The environment says it; and it is made here, as the runner's own prints to the terminal.
        options.view_as(DirectOptions).direct_running_mode = "in_memory"
        program = f"{shlex.quote(sys.executable)} -m preprocessing.worker_main"
        command = f"echo $$ >>{shlex.quote(str(self._pids))}; {PARENT}={os.getpid()} exec {program}"
        if not logging.getLogger().isEnabledFor(logging.INFO):
            command += f" >>{shlex.quote(str(self._log))} 2>&1"
        # Numbers as text: the message has only floats, and a worker's parser takes no 2.0 for 2.
        known = {
            name: str(value) if type(value) in (int, float) else value
            for name, value in options.get_all_options(drop_default=True).items()
        }
        provision = beam_provision_api_pb2.ProvisionInfo(
            retrieval_token="unused", pipeline_options=dict_to_struct(known)
        )
        return FnApiRunner(
            default_environment=SubprocessSDKEnvironment.from_command_string(command),
            provision_info=ExtendedProvisionInfo(provision),
        )

    @contextlib.contextmanager
    def ended_on_errors(self) -> Iterator[None]:
        """Kills the workers when the block is left by an error or a signal.

        Beam would wait until they have done all that they were given.

        Raises:
            RuntimeError: a worker died where Beam would wait for it for ever.
            KeyboardInterrupt, SystemExit: after SIGINT and SIGTERM.
        """
        deaths: list[BaseException | None] = []
        report = threading.excepthook

        def notice(arguments: threading.ExceptHookArgs) -> None:
            if _EXITED in str(arguments.exc_value):
                if not self._finished.wait(_INTERVAL_S if self._stopped else _GRACE_S):
                    if not self._stopped:
                        deaths.append(arguments.exc_value)
                    self._interrupt()
            elif not issubclass(arguments.exc_type, grpc.RpcError):  # the end of a connection
                report(arguments)

        threading.excepthook = notice
        handlers = self._handle_signals()
        try:
            yield
        except BaseException:
            self._finish()
            self._kill()
            _join_threads_of_beam()
            if deaths:
                raise RuntimeError(str(deaths[0])) from deaths[0]
            if self._stopped:  # what Beam makes of dead workers comes after it
                raise self._stopped from None
            raise
        finally:
            self._finish()
            threading.excepthook = report
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _handle_signals(self) -> dict[int, Any]:
        """Handles SIGINT and SIGTERM before Beam can wait; gives the handlers that were there."""

        def stop(number: int, frame: object) -> None:
            if self._finished.is_set():
                return
            if not self._stopped:  # it may take a second one to break Beam's waiting
                is_interrupt = number == signal.SIGINT
                self._stopped = KeyboardInterrupt() if is_interrupt else SystemExit(128 + number)
                self._kill()
            raise self._stopped

        if threading.current_thread() is not threading.main_thread():
            return {}  # only the main thread may
        return {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def _interrupt(self) -> None:
        """Sends SIGINT to the main thread until the block is left.

        A real signal: `_thread.interrupt_main` does not wake a thread that waits.
        """
        main = threading.main_thread().ident
        while main and not self._finished.is_set():
            with self._lock:
                if not self._finished.is_set():
                    signal.pthread_kill(main, signal.SIGINT)
            self._finished.wait(_INTERVAL_S)

    def _finish(self) -> None:
        with self._lock:  # no signal comes after that
            self._finished.set()

    def _kill(self) -> None:
        numbers = self._pids.read_text().split() if self._pids.exists() else []
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


def _join_threads_of_beam() -> None:
    limit = time.monotonic() + _GRACE_S
    for thread in threading.enumerate():
        if thread.name in _THREADS:
            thread.join(max(0.0, limit - time.monotonic()))
