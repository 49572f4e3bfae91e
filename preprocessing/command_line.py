"""What every command line of Bertline shares: exit statuses, `-v`, and quiet libraries."""

import argparse
import contextlib
import gc
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import NoReturn

from preprocessing.errors import InputError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class ArgumentParser(argparse.ArgumentParser):
    """A bad flag ends as all bad input does: one line, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. `{self.prog} --help` lists the flags.")


def add_verbose_flag(parser: argparse.ArgumentParser) -> None:
    """Adds `-v`; `run` reads it before anything heavy is imported."""
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show the logs of TensorFlow and Beam too"
    )


def run(main: Callable[[list[str]], None]) -> None:
    """Calls `main(sys.argv[1:])` and ends the process as a user expects.

    Exit status 0, or 2 with one line `error: ...` after an InputError, or 130 after Ctrl-C.
    """
    arguments = sys.argv[1:]
    configure_logging(verbose=bool({"-v", "--verbose"} & set(arguments)))
    try:
        main(arguments)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        print("\ninterrupted" if sys.stderr.isatty() else "interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def configure_logging(verbose: bool) -> None:
    """Sends our own log to stderr; the libraries' only when `verbose`.

    Must run before TensorFlow is imported: its C++ log level is read once, from the environment.
    """
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s" if verbose else "%(message)s",
        level=logging.INFO if verbose else logging.ERROR,
        stream=sys.stderr,
    )
    for package in ("preprocessing", "trainer", "serving", "demo", "__main__"):
        logging.getLogger(package).setLevel(logging.INFO)
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
        os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # not each retry of a download
        warnings.filterwarnings("ignore")


def load_tensorflow() -> None:
    """Imports TensorFlow and TF Text without what they print before their log level is read.

    Call it after the flags are checked: the import takes seconds. With `-v` it all shows.
    """
    verbose = logging.getLogger().isEnabledFor(logging.INFO)
    gc.disable()  # a fifth of the time would go into searching what is imported for garbage
    with contextlib.nullcontext() if verbose else without_stderr():
        import tensorflow  # noqa: F401
        import tensorflow_text  # noqa: F401
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def without_stderr() -> Iterator[None]:
    """Sends file descriptor 2, which C++ code writes to, nowhere for a while."""
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
