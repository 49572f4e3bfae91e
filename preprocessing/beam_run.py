"""Beam from a command line: its flags are checked, its workers' errors become ours again."""

import contextlib
import io
import logging
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from preprocessing.errors import InputError

# What `DirectRunner` ends up with for batch pipelines, after it has tried to download another.
_LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
_RAISED = f"{InputError.__module__}.{InputError.__qualname__}: "  # as tracebacks name it
_STEP = " [while running "  # as Beam adds the failed step to a message


def new_pipeline(flags: list[str]) -> beam.Pipeline:
    """A pipeline with Beam's flags; on Beam's local runner when there are none.

    Raises:
        InputError: a flag that Beam does not know, a bad value, or no such runner. Beside
            `--runner`, unknown flags may be meant for that runner and are passed on.
    """
    options = PipelineOptions(flags or ["--runner", _LOCAL_RUNNER])
    with _argparse_errors():
        known = options.get_all_options()
        unknown = options.get_all_options(retain_unknown_options=True).keys() - known.keys()
    if unknown and options.view_as(StandardOptions).runner is None:
        raise InputError(
            f"--{min(unknown)} is a flag neither of Bertline nor of Apache Beam. "
            "`python -m preprocessing imdb|squad --help` lists Bertline's."
        )
    try:
        return beam.Pipeline(options=options)
    except (ValueError, ImportError, AttributeError) as error:
        message = " ".join(str(error).split())
        raise InputError(f"Apache Beam refuses its flags {' '.join(flags)}: {message}") from error


@contextlib.contextmanager
def _argparse_errors() -> Iterator[None]:
    """Beam prints its usage and exits on a bad value; the last line says what is wrong."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            yield
    except SystemExit as error:
        message = printed.getvalue().strip().rpartition("error: ")[2]
        raise InputError(f"{message} (a flag of Apache Beam).") from error


@contextlib.contextmanager
def errors_of_workers() -> Iterator[None]:
    """Raises InputError and KeyboardInterrupt as they were: runners wrap them, or send text.

    Without `-v`, Beam's own report of the error is kept out of the log: it comes first, in many
    lines, and what is raised says the same.
    """
    beam_logger = logging.getLogger("apache_beam")
    level = beam_logger.level
    if not logging.getLogger().isEnabledFor(logging.INFO):
        beam_logger.setLevel(logging.CRITICAL)
    try:
        yield
    except Exception as error:
        if str(error).startswith(KeyboardInterrupt.__name__ + _STEP):
            raise KeyboardInterrupt from error
        message = _message_of_input_error(error)
        if message is None:
            raise
        raise InputError(message) from error
    finally:
        beam_logger.setLevel(level)


def _message_of_input_error(error: Exception) -> str | None:
    if isinstance(error, InputError):
        return str(error).partition(_STEP)[0]
    raised = [line for line in str(error).splitlines() if line.startswith(_RAISED)]
    return raised[-1].removeprefix(_RAISED).partition(_STEP)[0] if raised else None
