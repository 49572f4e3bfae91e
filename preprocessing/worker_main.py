"""A Beam worker process that does not outlive the job: `python -m preprocessing.worker_main`."""

import os
import sys
import threading
import time

from apache_beam.runners.worker import sdk_worker_main

PARENT = "BERTLINE_PARENT"  # the number of the process that started the job
_INTERVAL_S = 0.5


def main() -> None:
    """Runs Beam's worker, and leaves at once when it is done or the job's process has gone."""
    # Named, and not asked for: it may have been killed while this process was starting.
    parent = int(os.environ[PARENT])
    threading.Thread(target=_exit_with, args=[parent], daemon=True).start()
    # Keras, which TensorFlow imports, does without it; its import would take half a second.
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    sdk_worker_main.main(sys.argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # to take TensorFlow down in order would take a second


def _exit_with(parent: int) -> None:
    """Beam's worker would first finish what it was given, for nobody, and write its files."""
    while os.getppid() == parent:
        time.sleep(_INTERVAL_S)
    os._exit(1)


if __name__ == "__main__":
    main()
