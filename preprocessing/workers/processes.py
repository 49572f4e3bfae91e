"""Beam's local runner with worker processes that are seen to die, and die with the job."""

import contextlib
import logging
import multiprocessing.process
import os
import pathlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import grpc
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.job.utils import dict_to_struct
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcWorkerHandler,
    WorkerHandler,
)
from apache_beam.transforms.environments import Environment
from google.protobuf import json_format

from preprocessing.workers import fork_server, main

_FORKED = "bertline:env:forked_python:v1"  # names our kind of worker to Beam
_EXITED = "Worker process exited"  # said in a thread that nobody listens to
DIED = ("Channel closed prematurely", _EXITED)
_GRACE_S = 5.0  # for Beam to notice by itself that a worker died
_INTERVAL_S = 1.0  # between signals to leave what Beam waits for
# Threads that end when a worker does, with an error that they would print.
_RUNNING = "run_worker"
_THREADS = (_RUNNING, "beam_control_read", "read_grpc_client_inputs")


class WorkerProcesses:
    """The worker processes of one job on this machine.

    Args:
        folder: local, for what they print, unless this process logs it all.
    """

    _jobs: ClassVar[dict[str, "WorkerProcesses"]] = {}  # by the folder: Beam knows only that

    def __init__(self, folder: pathlib.Path):
        self._folder = str(folder)
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._stopped: BaseException | None = None  # what a signal raised
        self._killed = False
        self._finished = threading.Event()
        self._lock = threading.Lock()

    def runner(self, options: PipelineOptions) -> FnApiRunner:
        """Beam's local runner as `--direct_running_mode=multi_processing` sets it up."""
        # The environment says it; and it is made here, as the runner's own prints to the terminal.
        options.view_as(DirectOptions).direct_running_mode = "in_memory"
        fork_server.start()
        self._jobs[self._folder] = self
        # Numbers as text: the message has only floats, and a worker's parser takes no 2.0 for 2.
        known = {
            name: str(value) if type(value) in (int, float) else value
            for name, value in options.get_all_options(drop_default=True).items()
        }
        provision = beam_provision_api_pb2.ProvisionInfo(
            retrieval_token="unused", pipeline_options=dict_to_struct(known)
        )
        return FnApiRunner(
            default_environment=_ForkedEnvironment(self._folder),
            provision_info=ExtendedProvisionInfo(provision),
        )

    @classmethod
    def of(cls, folder: str) -> "WorkerProcesses":
        """Those of the job that has this folder."""
        return cls._jobs[folder]

    def run(self, environment: dict[str, str]) -> None:
        """Starts a worker and waits for its end.

        Args:
            environment: what Beam's worker asks it for.

        Raises:
            RuntimeError: it failed or was killed.
        """
        log = None if logging.getLogger().isEnabledFor(logging.INFO) else f"{self._folder}/log"
        process = fork_server.context.Process(
            target=main.main, args=(os.environ | environment, log), daemon=True
        )
        process.start()
        threading.current_thread().name = _RUNNING
        with self._lock:
            self._processes.append(process)
            if self._killed:
                process.kill()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{_EXITED} with status {process.exitcode}")

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
            self._jobs.pop(self._folder, None)
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
        with self._lock:
            self._killed = True
            for process in self._processes:
                process.kill()


class _ForkedEnvironment(Environment):
    """Says in Beam's pipeline which kind of worker it needs."""

    def __init__(self, folder: str):
        super().__init__()
        self._folder = folder

    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes]:
        return _FORKED, self._folder.encode()


@WorkerHandler.register_environment(_FORKED, bytes)
class _ForkedWorkerHandler(GrpcWorkerHandler):
    """Starts one worker for Beam's runner, and tells it where the runner listens."""

    def __init__(self, folder: bytes, state: Any, provision_info: Any, grpc_server: Any):
        super().__init__(state, provision_info, grpc_server)
        options = provision_info.provision_info.pipeline_options
        environment = {
            "WORKER_ID": self.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": str(self.control_api_service_descriptor()),
            "LOGGING_API_SERVICE_DESCRIPTOR": str(self.logging_api_service_descriptor()),
            "PIPELINE_OPTIONS": json_format.MessageToJson(options),
        }
        # A daemon: nobody waits for a worker to start when the job has ended before.
        self._thread = threading.Thread(
            name="start_worker",
            target=WorkerProcesses.of(folder.decode()).run,
            args=[environment],
            daemon=True,
        )

    def start_worker(self) -> None:
        self._thread.start()

    def stop_worker(self) -> None:
        if self._thread.name == _RUNNING:
            self._thread.join()


def _join_threads_of_beam() -> None:
    limit = time.monotonic() + _GRACE_S
    for thread in threading.enumerate():
        if thread.name in _THREADS:
            thread.join(max(0.0, limit - time.monotonic()))
