"""The process that worker processes are forked from.

It imports what all of them need, TensorFlow above all, once: seconds of CPU time for each worker
otherwise. And it can begin before the process of the job has imported Beam.
"""

import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
from collections.abc import Sequence

from preprocessing import files
from preprocessing.remote_files import scheme_of

# From this many bytes of sources on, worker processes are worth their start.
PARALLEL_FROM = 8 << 20

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["preprocessing.workers.imports"])


def start() -> None:
    """Starts it, if it does not run yet. It ends with the thread that called this."""
    multiprocessing.resource_tracker.ensure_running()  # lets signals through when it is done
    # Ctrl-C in a terminal goes to all processes. The job's own handles it, and ends the workers.
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def start_for(inputs: Sequence[str]) -> None:
    """Starts it for sources that need it for sure: large local ones, named without a pattern."""
    local = [path for path in inputs if not scheme_of(path) and os.path.exists(path)]
    if cpu_count() > 1 and sum(map(files.file_size, local)) >= PARALLEL_FROM:
        start()


def cpu_count() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0))
