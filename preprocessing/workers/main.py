"""What a forked worker process does: Beam's worker, which does not outlive the job."""

import gc
import multiprocessing
import os
import sys
import threading


def main(environment: dict[str, str], log: str | None) -> None:
    """Runs Beam's worker, and leaves at once when it is done or the job's process has gone.

    Args:
        environment: of the job's process, and what Beam's worker asks it for.
        log: file for what is printed.
    """
    threading.Thread(target=_exit_with_job, daemon=True).start()
    gc.enable()
    if log:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # to take TensorFlow down in order would take a second


def _exit_with_job() -> None:
    """Beam's worker would first finish what it was given, for nobody, and write its files."""
    job = multiprocessing.parent_process()
    assert job
    job.join()
    os._exit(1)
