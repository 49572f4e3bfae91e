"""Beam from a command line: its flags are checked, its workers' errors become ours again."""

import contextlib
import dataclasses
import io
import logging
import pathlib
import re
import tempfile
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineRunner

from preprocessing import beam_runners
from preprocessing.errors import InputError
from preprocessing.workers import fork_server
from preprocessing.workers.processes import DIED, WorkerProcesses

_RAISED = f"{InputError.__module__}.{InputError.__qualname__}: "  # as tracebacks name it
_DIED_ON_DASK = "all those workers died while running it"
_NO_SPACE = re.compile(r"OSError: \[Errno (?:28|122)\] ([^\n\[]*)")  # full, or over the quota
_STEP = " [while running "  # as Beam adds the failed step to a message


@dataclasses.dataclass(frozen=True)
class BeamJob:
    """How a pipeline is to run."""

    options: PipelineOptions
    processes: int  # worker processes on this machine; 0: in this one, or as another runner does

    @property
    def is_local(self) -> bool:
        """Whether Beam's own local runner runs it."""
        return self.options.view_as(StandardOptions).runner == beam_runners.LOCAL

    @property
    def is_in_process(self) -> bool:
        """Whether the steps run in this process."""
        return self.is_local and not self.processes

    @property
    def name(self) -> str:
        """The runner, for people."""
        if self.processes:
            return f"Beam's local runner, {self.processes} processes"
        if self.is_local:
            return "Beam's local runner, in this process"
        return self.options.view_as(StandardOptions).runner

    @contextlib.contextmanager
    def pipeline(self) -> Iterator[beam.Pipeline]:
        """A pipeline that runs when the block ends.

        Raises:
            InputError: as a worker raised it, or a worker process died.
        """
        with tempfile.TemporaryDirectory() as folder:
            workers = WorkerProcesses(pathlib.Path(folder))
            beam_runners.prepare(self.options)
            with (
                _errors_of_workers(),
                workers.ended_on_errors(),
                beam_runners.running(self.new_pipeline(workers)) as pipeline,
            ):
                yield pipeline

    def new_pipeline(self, workers: WorkerProcesses | None = None) -> beam.Pipeline:
        """A pipeline whose options the runner has checked.

        Raises:
            InputError: it does not take them.
        """
        runner: PipelineRunner
        if workers and self.processes:
            runner = workers.runner(self.options)
        else:
            runner = beam_runners.create(self.options.view_as(StandardOptions).runner)
        beam_runners.check(self.options, runner)
        try:
            return beam.Pipeline(runner=runner, options=self.options)
        except ValueError as error:
            message = " ".join(str(error).split())
            raise InputError(f"Apache Beam refuses its flags: {message}") from error


def job_for_flags(
    flags: list[str], source_bytes: int, command: str = "python -m preprocessing imdb|squad"
) -> BeamJob:
    """Reads Beam's flags. Without any, large sources get a worker process for each CPU.

    Args:
        flags: those that are not Bertline's.
        source_bytes: of all sources.
        command: whose help lists Bertline's flags.

    Raises:
        InputError: a flag that Beam does not know, a bad value, no such runner, or it needs more
            packages. What Beam does not know may be meant for its runner, and is passed on to those
            that take such flags.
    """
    options = PipelineOptions(flags)
    with _argparse_errors():
        standard = options.view_as(StandardOptions)
        standard.runner = beam_runners.full_name(standard.runner)
        beam_runners.create(standard.runner)  # brings its flags
        known = options.get_all_options()
        unknown = options.get_all_options(retain_unknown_options=True).keys() - known.keys()
    if unknown and beam_runners.knows_all_flags(standard.runner):
        raise InputError(
            f"--{min(unknown)} is a flag neither of Bertline nor of Apache Beam. "
            f"`{command} --help` lists Bertline's."
        )
    if standard.runner != beam_runners.LOCAL:
        return BeamJob(options, 0)
    return BeamJob(options, _processes(options, flags, source_bytes))


def _processes(options: PipelineOptions, flags: list[str], source_bytes: int) -> int:
    direct = options.view_as(DirectOptions)
    cpus = fork_server.cpu_count()
    if any(flag.startswith("--direct_") for flag in flags):
        count = direct.direct_num_workers or cpus  # 0 stands for all, as Beam has it
        return count if direct.direct_running_mode == "multi_processing" else 0
    if cpus == 1 or source_bytes < fork_server.PARALLEL_FROM:
        return 0
    direct.direct_num_workers = cpus
    return cpus


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
def _errors_of_workers() -> Iterator[None]:
    """Raises InputError and KeyboardInterrupt as they were: runners wrap them, or send text.

    Without `-v`, Beam's own report of the error is kept out of the log: it comes first, in many
    lines, and what is raised says the same. Some of it goes to the root logger.
    """
    root = logging.getLogger()
    level = root.level
    if not root.isEnabledFor(logging.INFO):
        root.setLevel(logging.CRITICAL)
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
        root.setLevel(level)


def _message_of_input_error(error: Exception) -> str | None:
    if isinstance(error, InputError):
        return str(error).partition(_STEP)[0]
    if any(phrase in str(error) for phrase in (*DIED, _DIED_ON_DASK)):
        return (
            "a worker process ended before its work did: it was killed, perhaps for want of "
            "memory. Run the job again, with fewer workers on a machine if it was memory "
            "(--direct_num_workers=1 on this one). Nothing was published."
        )
    no_space = _NO_SPACE.search(f"{type(error).__name__}: {error}")
    if no_space:
        return (
            f"{no_space[1].strip()}: beside --output_dir a job needs about three times the size of "
            "its unpacked sources while it runs. Nothing was published."
        )
    raised = [line for line in str(error).splitlines() if line.startswith(_RAISED)]
    return raised[-1].removeprefix(_RAISED).partition(_STEP)[0] if raised else None
