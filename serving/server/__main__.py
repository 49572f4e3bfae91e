"""`python -m serving.server --port=8500 --rest_api_port=8501 --model_base_path=/models/m ...`"""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator

from serving.server import access_log, preflight
from serving.server import flags as flag_table

EXIT_FAILED = 2


def main(arguments: list[str]) -> int:
    """Reads the flags, sets up logging and signals, and serves; returns the exit status."""
    try:
        flags = flag_table.parse(arguments)
    except flag_table.FlagError as error:
        print(flag_table.usage(), file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    if flags["help"]:
        print(flag_table.usage())
        return 0
    for argument in flags.unknown:
        print(f"unknown argument: {argument}", file=sys.stderr)
    if flags.unknown:
        print(flag_table.usage(), file=sys.stderr)
    _configure_logging(verbose=flags["v"])
    access_log.configure(flags["access_log"])
    # Blocked before any thread starts, so that only `wait_for_signal` sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})

    try:
        if not flags["version"]:
            preflight.check(flags)
        with _quiet_stderr(unless=flags["v"]):
            from serving.server import app  # TensorFlow reads the environment set above
        if flags["version"]:
            print(app.versions())
        else:
            app.serve(flags)
    except preflight.StartError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return 0


def _configure_logging(verbose: bool) -> None:
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s",
        level=logging.INFO if verbose else logging.ERROR,
        stream=sys.stderr,
    )
    logging.getLogger("serving").setLevel(logging.INFO)
    # A request that is no message is its client's mistake, and gRPC logs a traceback of it.
    logging.getLogger("grpc._common").setLevel(logging.CRITICAL)
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


@contextlib.contextmanager
def _quiet_stderr(unless: bool) -> Iterator[None]:
    """Keeps away what TensorFlow's C++ writes to stderr before its log level is in force."""
    if unless:
        yield
        return
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads of TensorFlow, and loads under way, must not hold up the end
