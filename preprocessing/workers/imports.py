"""What a worker process needs, imported in the process that workers are forked from.

For its effects only: `fork_server` has it imported before the first worker is asked for.
"""

import contextlib
import ctypes
import gc
import os
import signal
import sys

from preprocessing.command_line import without_stderr

# Linux: ends this process when the job's has gone, also amid the imports, which take seconds.
with contextlib.suppress(AttributeError):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG of <sys/prctl.h>

# Keras, which TensorFlow imports, does without it; its import would take half a second.
sys.modules["matplotlib"] = None  # type: ignore[assignment]
# A thread pool of OpenBLAS's would not survive the fork, and nothing here multiplies matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What is imported stays: to search it for garbage again and again takes a fifth of the time. And
# its pages stay those that all workers share.
gc.disable()
with without_stderr():
    import apache_beam.runners.worker.sdk_worker_main  # noqa: F401

    import preprocessing.batch_tokenizer
    import preprocessing.pipeline  # noqa: F401
gc.freeze()
