"""Runners of Apache Beam: their names and packages, and what each asks of its flags."""

import contextlib
import importlib
import logging
import os
import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import PipelineRunner, create_runner

from preprocessing.errors import InputError

if TYPE_CHECKING:  # it needs Dask
    from apache_beam.runners.dask.dask_runner import DaskOptions

logger = logging.getLogger(__name__)

# What `DirectRunner` ends up with for batch pipelines, after it has tried to download another.
LOCAL = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
_DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"  # Beam has no short name for it
# Each by its class without the "Runner", as Beam takes them too.
_FULL_NAMES = dict.fromkeys(["direct", "switchingdirect", "bundlebaseddirect", "fnapi"], LOCAL)
_FULL_NAMES |= {"dask": _DASK}
# Runner -> a module that the extra of apache-beam installs, and the extra.
_PACKAGES = {"dask": ("distributed", "dask"), "dataflow": ("google.cloud.storage", "gcp")}
_KNOWS_ALL_FLAGS = {"fnapi", *_PACKAGES}  # others pass on what Beam does not know
# More than one for each thread, as they take unequal times.
_PARTS_PER_THREAD = 4
_MIN_PARTS = 16
_CONNECT_TIMEOUT_S = 10


def full_name(runner: str | None) -> str:
    """The class of a runner that is named as Beam takes it; of our own choice for none."""
    return _FULL_NAMES.get(_kind(runner), runner) if runner else LOCAL


def _kind(runner: str) -> str:
    """ "dask" of DaskRunner, daskrunner, dask and its full name."""
    return runner.rpartition(".")[2].lower().removesuffix("runner")


def knows_all_flags(runner: str) -> bool:
    """Whether a flag that is unknown to Beam can mean nothing to this runner either."""
    return _kind(runner) in _KNOWS_ALL_FLAGS


def create(runner: str) -> PipelineRunner:
    """Makes a runner; from then on Beam knows its flags.

    Raises:
        InputError: there is no such runner, or it needs more packages.
    """
    module, extra = _PACKAGES.get(_kind(runner), ("apache_beam", ""))
    try:
        importlib.import_module(module)
        return create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        reason = str(error)
        if extra and isinstance(error, ImportError):
            reason = f"it needs more packages: pip install 'apache-beam[{extra}]'."
        raise InputError(f"--runner {runner}: {reason}") from error


def check(options: PipelineOptions, runner: PipelineRunner) -> None:
    """Checks what Beam would check with Google's servers, or only on workers minutes later.

    Raises:
        InputError: a flag that the runner needs is missing or bad.
    """
    kind = _kind(type(runner).__name__)
    if kind == "portable" and not options.view_as(PortableOptions).job_endpoint:
        raise InputError("--runner PortableRunner needs --job_endpoint HOST:PORT of a job server.")
    if kind != "dataflow":
        return
    cloud = options.view_as(GoogleCloudOptions)
    validator = PipelineOptionsValidator(options, runner)
    errors = validator.validate_cloud_options(cloud)
    places = ("temp_location", "staging_location")  # without one of them, Beam makes a bucket
    bad = [error for place in places for error in validator.validate_gcs_path(cloud, place)]
    errors += bad[:1] if len(bad) == len(places) else []
    if errors:
        message = " ".join(re.sub(r"option: (\w+)", r"option: --\1", error) for error in errors)
        raise InputError(f"--runner DataflowRunner: {message}")


def prepare(options: PipelineOptions) -> None:
    """Finds the cluster that a job is to run on.

    Raises:
        InputError: nobody answers there.
    """
    if options.view_as(StandardOptions).runner == _DASK:
        _choose_parts(options)
        return
    job_endpoint = options.view_as(PortableOptions).job_endpoint
    if job_endpoint:
        _check_address("--job_endpoint", job_endpoint)
    flink_master = options.view_as(FlinkRunnerOptions).flink_master
    if not flink_master.startswith("["):  # [auto], [local]
        _check_address("--flink_master", flink_master)


def _check_address(flag: str, address: str) -> None:
    """Beam would try for minutes."""
    host, _, port = re.sub(r"^\w+://|/.*", "", address).rpartition(":")
    try:
        socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{flag} {address}: nobody answers there ({error}), expected host:port of a server "
            "that runs."
        ) from error


def _choose_parts(options: PipelineOptions) -> None:
    """Cuts a job on Dask into as many parts as keep all workers of the cluster busy.

    By itself Dask would make one part of it. What the user chose stays.
    """
    from apache_beam.runners.dask.dask_runner import DaskOptions

    if not logging.getLogger().isEnabledFor(logging.INFO):
        logging.getLogger("distributed").setLevel(logging.ERROR)  # it has a handler of its own
    dask = options.view_as(DaskOptions)
    threads = _threads(dask)
    if not threads:
        logger.warning("%s has no workers yet: the job waits for them", dask.address)
    if not dask.npartitions and not dask.partition_size:
        dask.npartitions = max(_MIN_PARTS, _PARTS_PER_THREAD * threads)


def parts(options: PipelineOptions) -> int:
    """A multiple of how many elements a pipeline is to begin with.

    Dask cuts the first collection into its parts, and never cuts again.
    """
    return options.get_all_options().get("npartitions") or 1


@contextlib.contextmanager
def running(pipeline: beam.Pipeline) -> Iterator[beam.Pipeline]:
    """Runs a pipeline when the block ends, and then leaves the cluster if it ran on one.

    Raises:
        InputError: the runner does not start it.
    """
    try:
        with pipeline:
            yield pipeline
    except Exception as error:
        name = type(pipeline.runner).__name__
        if full_name(name) == LOCAL or hasattr(pipeline, "result"):  # the job has run
            raise
        message = " ".join(str(error).split())[:1000]
        raise InputError(f"--runner {name} cannot start the job: {message}") from error
    finally:
        client = getattr(getattr(pipeline, "result", None), "client", None)  # of Dask
        if client:
            client.close()


def _threads(dask: "DaskOptions") -> int:
    """Threads of all workers of the cluster."""
    from distributed import Client

    if dask.scheduler_file and not os.path.exists(dask.scheduler_file):  # Dask waits for ever
        raise InputError(f"--dask_scheduler_file {dask.scheduler_file}: no such file.")
    if dask.address and not re.search(r":\d+$", dask.address):  # Dask tries that for 20 s
        raise InputError(
            f"--dask_client_address {dask.address}: it has no port, expected e.g. tcp://host:8786."
        )
    if not dask.address and not dask.scheduler_file:
        return os.cpu_count() or 1  # Dask starts workers on this machine
    try:
        with Client(
            dask.address,
            scheduler_file=dask.scheduler_file,
            timeout=dask.timeout or _CONNECT_TIMEOUT_S,
            set_as_default=False,
        ) as client:
            return sum(client.nthreads().values())
    except (OSError, ValueError) as error:
        raise InputError(
            f"--dask_client_address {dask.address or dask.scheduler_file}: no Dask scheduler "
            f"answers ({' '.join(str(error).split())}). Start one with `dask scheduler`, and "
            "workers with `dask worker ADDRESS`; or correct the address, e.g. tcp://host:8786."
        ) from error
