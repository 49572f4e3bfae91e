"""Beam's local runner with worker processes that are seen to die, and die with the job."""

import _thread
import contextlib
import logging
import os
import pathlib
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.job.utils import dict_to_struct
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.transforms.environments import SubprocessSDKEnvironment

_EXITED = "Worker subprocess exited"  # as Beam says it, in a thread that nobody listens to
DIED = ("Channel closed prematurely", _EXITED)
_GRACE_S = 5.0  # for Beam to notice by itself that a worker died


class WorkerProcesses:
    """The worker processes of one job on this machine.

    Args:
        folder: local, for what they print (unless this process logs it all) and for their numbers.
    """

    def __init__(self, folder: pathlib.Path):
        self._log = folder / "log"
        self._pids = folder / "pids"
        self._stopped: BaseException | None = None  # what a signal raised

    def runner(self, options: PipelineOptions) -> FnApiRunner:
        """Beam's local runner as `--direct_running_mode=multi_processing` sets it up."""
        # The environment says it; and it is made here, as the runner's own prints to the terminal.
        options.view_as(DirectOptions).direct_running_mode = "in_memory"
        program = f"{shlex.quote(sys.executable)} -m preprocessing.worker_main"
        command = f"echo $$ >>{shlex.quote(str(self._pids))}; exec {program}"
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
        finished = threading.Event()
        deaths: list[BaseException | None] = []
        report = threading.excepthook

        def notice(arguments: threading.ExceptHookArgs) -> None:
            if _EXITED not in str(arguments.exc_value):
                report(arguments)
            elif not finished.wait(_GRACE_S):
                deaths.append(arguments.exc_value)
                _thread.interrupt_main()

        threading.excepthook = notice
        handlers = self._kill_on_signals()
        try:
            yield
        except BaseException as error:
            self._kill()
            if self._stopped:  # what Beam makes of dead workers comes after it
                raise self._stopped from None
            if deaths and isinstance(error, KeyboardInterrupt):
                raise RuntimeError(str(deaths[0])) from deaths[0]
            raise
        finally:
            finished.set()
            threading.excepthook = report
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _kill_on_signals(self) -> dict[int, Any]:
        """Handles SIGINT and SIGTERM before Beam can wait; gives the handlers that were there."""

        def stop(number: int, frame: object) -> None:
            is_interrupt = number == signal.SIGINT
            self._stopped = KeyboardInterrupt() if is_interrupt else SystemExit(128 + number)
            self._kill()
            raise self._stopped

        if threading.current_thread() is not threading.main_thread():
            return {}  # only the main thread may
        return {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def _kill(self) -> None:
        numbers = self._pids.read_text().split() if self._pids.exists() else []
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)
