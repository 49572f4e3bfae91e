"""The same data set from every runner that runs here, and what they say about their flags."""

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import pathlib
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import apache_beam as beam
import pytest
from apache_beam.pipeline import PipelineVisitor

from preprocessing import __main__ as command
from preprocessing import beam_run, pipeline
from preprocessing.conversion import TokenizerSpec
from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns
from preprocessing.transforms import Source
from preprocessing.vocabulary import load_vocabulary
from tests.preprocessing.job_process import contents, write_reviews
from tests.preprocessing.jobs import TWO_PROCESSES, TWO_THREADS, build, imdb_spec

ROOT = pathlib.Path(__file__).parents[2]
DASK = "--runner=apache_beam.runners.dask.dask_runner.DaskRunner"
NO_SCHEDULER = "--dask_client_address=tcp://127.0.0.1:9"  # the port of "discard"
DATAFLOW = ["--runner=DataflowRunner", "--project=a-project", "--region=europe-west1"]
BUCKET = "--temp_location=gs://a-bucket/tmp"


@pytest.fixture(scope="module")
def flags(sample_dir, vocabulary_path, tmp_path_factory):
    """Flags of a job for each task, with several sources and some records to reject."""
    reviews = tmp_path_factory.mktemp("reviews") / "csv"
    write_reviews(sample_dir, reviews, files=8, times=1)
    (reviews / "part-8.csv").write_text('label,text\nneg," "\npos,"Fine."\n')
    inputs = {"imdb": [reviews / "*.csv"], "squad": sorted(sample_dir.glob("squad-*.json"))}
    return {
        task: [
            task, "--input", *map(str, paths), "--vocab_file", str(vocabulary_path),
            "--max_rejected_fraction", "0.5", "--num_shards", "2",
        ]
        for task, paths in inputs.items()
    }  # fmt: skip


@pytest.fixture(scope="module")
def in_process(flags, tmp_path_factory):
    """Task -> the files of its data set, as this process alone makes them."""
    folder = tmp_path_factory.mktemp("in_process")
    for task, some in flags.items():
        command.main([*some, "--output_dir", str(folder / task), "--direct_num_workers=1"])
    return {task: contents(folder / task) for task in flags}


def run(flags, data, *beam_flags):
    """The files of a job's data set, and the numbers of the processes that tokenised for it."""
    with watching(data) as workers:
        command.main([*flags, "--output_dir", str(data), *beam_flags])
    return contents(data), workers


@contextlib.contextmanager
def watching(data):
    """Collects the numbers of the processes that tokenise."""
    found, over = set(), threading.Event()

    def watch():
        while not over.wait(0.01):
            for path in data.parent.glob(f".{data.name}.unfinished/*/progress-tokenized-*"):
                found.add(int(path.name.rpartition("-")[2]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def test_two_threads(flags, in_process, tmp_path):
    made, workers = run(flags["squad"], tmp_path / "data", *TWO_THREADS)
    assert made == in_process["squad"]
    assert workers == {os.getpid()}


def test_two_processes(flags, in_process, tmp_path):
    made, workers = run(flags["imdb"], tmp_path / "data", *TWO_PROCESSES)
    assert made == in_process["imdb"]
    assert len(workers) == 2
    assert os.getpid() not in workers
    assert load_info(tmp_path / "data").rejected == {"empty_text": 1}


def _fill_the_disk(path, split):
    pathlib.Path("/dev/full").write_text("No device has space for it.")
    yield


@pytest.mark.parametrize(
    "beam_flags", [[], pytest.param(TWO_PROCESSES, marks=pytest.mark.slow)], ids=["one", "two"]
)
def test_a_full_disk_is_one_line(vocabulary_path, tmp_path, beam_flags):
    source = tmp_path / "reviews.csv"
    source.write_text("label,text\nneg,Poor.\npos,Fine.\n")
    spec = dataclasses.replace(imdb_spec(source, vocabulary_path), read=_fill_the_disk)
    with pytest.raises(InputError) as caught:
        build(spec, tmp_path / "data", beam_flags)
    assert str(caught.value) == (
        "No space left on device: beside --output_dir a job needs about three times the size of "
        "its unpacked sources while it runs. Nothing was published."
    )


class Cluster:
    """A Dask scheduler and two worker processes on loopback."""

    def __init__(self, folder: pathlib.Path, nanny: str = "--no-nanny"):
        file = folder / "scheduler.json"
        self._log = open(folder / "log", "w")  # noqa: SIM115
        self._scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", file, "--idle-timeout", "300",
        )  # fmt: skip
        while not file.exists():
            time.sleep(0.05)
            assert self._scheduler.poll() is None
        self.flag = f"--dask_client_address={json.loads(file.read_text())['address']}"
        self.workers = [
            self._start(
                "worker", "--scheduler-file", file, nanny, "--nthreads", "1",
                "--no-dashboard", "--local-directory", folder / name, "--name", name,
                "--death-timeout", "30",
            )
            for name in ("a", "b")
        ]  # fmt: skip

    def _start(self, kind: str, *flags: object) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", kind, *map(str, flags)],
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def end(self) -> None:
        for process in (*self.workers, self._scheduler):
            os.killpg(process.pid, signal.SIGKILL)  # a nanny's worker with it
            process.wait()
        self._log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.end()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["imdb", "squad"])
def test_dask_with_two_workers(cluster, flags, in_process, tmp_path, task):
    made, workers = run(flags[task], tmp_path / "data", DASK, cluster.flag)
    assert made == in_process[task]
    assert workers == {worker.pid for worker in cluster.workers}


@pytest.mark.slow
def test_an_error_on_dask_is_the_same(cluster, flags, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"data": [')
    some = [*flags["squad"], "--validation_input", str(broken)]
    with pytest.raises(InputError) as caught:
        run(some, tmp_path / "data", "--runner=DaskRunner", cluster.flag)
    assert str(caught.value) == f"{broken}: broken JSON at line 1 column 11: Expecting value."
    assert [path.name for path in tmp_path.iterdir()] == ["broken.json"]


@pytest.mark.slow
def test_dask_workers_that_do_not_see_the_source(cluster, flags, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("reviews.csv").write_text("label,text\nneg,Poor.\npos,Fine.\n")
    with pytest.raises(InputError) as caught:
        run([*flags["imdb"], "--input", "reviews.csv"], tmp_path / "data", DASK, cluster.flag)
    assert str(caught.value).startswith("reviews.csv: the worker on ")
    assert f" in {ROOT} does not see it." in str(caught.value)


def _end_process(path, split):
    os._exit(1)


@pytest.mark.slow
def test_dask_workers_that_are_killed_again_and_again(vocabulary_path, tmp_path):
    cluster = Cluster(tmp_path, "--nanny")  # which starts workers anew
    source = tmp_path / "reviews.csv"
    source.write_text("label,text\nneg,Poor.\npos,Fine.\n")
    spec = dataclasses.replace(imdb_spec(source, vocabulary_path), read=_end_process)
    try:
        with pytest.raises(InputError, match="a worker process ended before its work did"):
            build(spec, tmp_path / "data", [DASK, cluster.flag])
    finally:
        cluster.end()


@pytest.mark.slow
def test_dask_goes_on_without_a_worker_that_was_killed(flags, in_process, tmp_path):
    cluster = Cluster(tmp_path)
    data = tmp_path / "data"

    def kill():
        while not list(tmp_path.glob(".data.unfinished/*/block-*")):
            time.sleep(0.01)
        cluster.workers[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        made, _ = run(flags["imdb"], data, DASK, cluster.flag)
    finally:
        killer.join()
        cluster.end()
    assert made == in_process["imdb"]


@pytest.mark.slow
def test_dask_starts_workers_where_no_scheduler_is_named(flags, in_process, tmp_path):
    made, workers = run(flags["squad"], tmp_path / "data", DASK)
    assert made == in_process["squad"]
    assert workers
    assert os.getpid() not in workers


@pytest.fixture(scope="module")
def job_server():
    """Beam's job server in Python: what Flink and Spark are spoken to with."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    module = "apache_beam.runners.portability.local_job_service_main"
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", str(port)], stderr=subprocess.DEVNULL, cwd=ROOT
    )
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            break
        time.sleep(0.1)
        assert process.poll() is None
    yield ["--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{port}"]
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_portable_job_server(job_server, flags, in_process, tmp_path):
    data = tmp_path / "data"
    made, _ = run(flags["squad"], data, *job_server, "--environment_type=LOOPBACK")
    assert made == in_process["squad"]


@pytest.mark.slow
def test_a_portable_job_server_that_cannot_start_the_job(job_server, flags, tmp_path):
    with pytest.raises(InputError) as caught:
        run(flags["squad"], tmp_path / "data", *job_server, "--environment_type=UNKNOWN")
    assert str(caught.value).startswith("--runner PortableRunner cannot start the job: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--runner=PortableRunner"], "--runner PortableRunner needs --job_endpoint HOST:PORT of"),
        (
            ["--runner=PortableRunner", "--job_endpoint=127.0.0.1:9"],
            "--job_endpoint 127.0.0.1:9: nobody answers there ([Errno 111] Connection refused), ",
        ),
        (
            ["--runner=FlinkRunner", "--flink_master=http://127.0.0.1:9/"],
            "--flink_master http://127.0.0.1:9/: nobody answers there ([Errno 111] Connection ",
        ),
    ],
    ids=["no-endpoint", "endpoint", "flink"],
)
def test_no_job_server(flags, tmp_path, more, message):
    with pytest.raises(InputError, match=re.escape(message)):
        run(flags["imdb"], tmp_path / "data", *more)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (NO_SCHEDULER, f"{NO_SCHEDULER.replace('=', ' ')}: no Dask scheduler answers (Timed out "),
        ("--dask_client_address=host", "host: it has no port, expected e.g. tcp://host:8786."),
        ("--dask_scheduler_file=none", "--dask_scheduler_file none: no such file."),
    ],
    ids=["dead", "no-port", "no-file"],
)
def test_no_dask_scheduler(flags, tmp_path, flag, message):
    with pytest.raises(InputError, match=re.escape(message)):
        run(flags["imdb"], tmp_path / "data", DASK, flag, "--dask_connection_timeout=2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "runner", ["DirectRunner", "directrunner", "direct", "FnApiRunner", "BundleBasedDirectRunner"]
)
def test_all_that_is_beams_local_runner(runner):
    job = beam_run.job_for_flags([f"--runner={runner}"], 0)
    assert job.is_in_process


def dry_run(flags, *more):
    """`--dry_run` as a person calls it: status, lines of stdout and stderr."""
    result = subprocess.run(
        [sys.executable, "-m", "preprocessing", *flags, "--dry_run", *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()


@pytest.mark.parametrize(
    ("more", "runner"),
    [
        ([], "Beam's local runner, in this process"),
        (TWO_PROCESSES, "Beam's local runner, 2 processes"),
        ([DASK, NO_SCHEDULER, "--dask_npartitions=5"], DASK.partition("=")[2]),  # asks nobody
    ],
    ids=["one", "two", "dask"],
)
def test_a_dry_run_lists_the_steps_and_runs_none(flags, tmp_path, more, runner):
    data = tmp_path / "data"
    status, stdout, stderr = dry_run(flags["squad"], "--output_dir", data, *more)
    assert (status, stderr) == (0, [])
    steps = ["Sources", "WriteBlocks", "Tokenize", "WriteFiles", "SaveOutputs"]
    assert [line for line in stdout if line.startswith(("runner", "step", "output"))] == [
        f"runner: {runner}",
        *(f"step: {step}" for step in steps),
        f"output: {data}, 2 shards a split",
    ]
    assert sum(line.startswith("source: ") for line in stdout) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--direct_num_workers=two"],
            "argument --direct_num_workers: invalid int value: 'two' (a flag of Apache Beam).",
        ),
        ([DASK, "--dask_npartitions=x"], "argument --dask_npartitions: invalid int value: 'x'"),
        ([DASK, "--dask_npartition=4"], "--dask_npartition is a flag neither of Bertline nor of"),
        (["--runner=NoRunner"], "--runner NoRunner: Unexpected pipeline runner: NoRunner. Valid"),
        (["--runner=no.Runner"], "--runner no.Runner: No module named 'no'"),
        (["--runner=os.Runner"], "--runner os.Runner: module 'os' has no attribute 'Runner'"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_dry_run_checks_the_flags(flags, more, message):
    status, stdout, stderr = dry_run(flags["imdb"], "--output_dir", "data", *more)
    assert (status, stdout, len(stderr)) == (2, [], 1)
    assert stderr[0].startswith(f"error: {message}")


def _has_gcp() -> bool:
    with contextlib.suppress(ImportError):
        return importlib.util.find_spec("google.cloud.storage") is not None
    return False


HAS_GCP = _has_gcp()


@pytest.mark.skipif(HAS_GCP, reason="apache-beam[gcp] is installed")
def test_dataflow_needs_more_packages(flags):
    status, stdout, stderr = dry_run(flags["imdb"], "--output_dir", "data", *DATAFLOW, BUCKET)
    assert (status, stdout) == (2, [])
    assert stderr == [
        "error: --runner DataflowRunner: it needs more packages: pip install 'apache-beam[gcp]'."
    ]


@pytest.mark.skipif(not HAS_GCP, reason="apache-beam[gcp] is not installed")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            DATAFLOW[:1],
            "Missing required option: --project. Missing required option: --region. Missing GCS "
            "path option: --temp_location.",
        ),
        (DATAFLOW, "Missing GCS path option: --temp_location."),
        ([*DATAFLOW, "--temp_location=/tmp"], "Invalid GCS path (/tmp), given for the option: "),
        ([*DATAFLOW, BUCKET, "--project=My Project"], "Invalid Project ID (My Project). Please "),
        ([*DATAFLOW, BUCKET, "--num_wrkers=2"], "--num_wrkers is a flag neither of Bertline nor"),
        ([*DATAFLOW, BUCKET, "--num_workers=two"], "argument --num_workers: invalid int value"),
    ],
    ids=["no-project", "no-bucket", "local-folder", "project", "unknown", "number"],
)
def test_dataflow_flags_are_checked_without_google(flags, more, message):
    status, stdout, stderr = dry_run(flags["imdb"], "--output_dir", "gs://a-bucket/data", *more)
    assert (status, stdout, len(stderr)) == (2, [], 1)
    assert message in stderr[0]


@pytest.mark.skipif(not HAS_GCP, reason="apache-beam[gcp] is not installed")
def test_a_dry_run_for_dataflow(flags):
    output = "gs://a-bucket/data"
    status, stdout, stderr = dry_run(flags["imdb"], "--output_dir", output, *DATAFLOW, BUCKET)
    assert (status, stderr) == (0, [])
    assert "runner: DataflowRunner" in stdout


class _Collections(PipelineVisitor):
    def __init__(self):
        self.found = []

    def visit_transform(self, transform_node):
        self.found += transform_node.outputs.values()


def _note(element, path):
    """Writes an element, as it would travel between processes, to a file."""
    with open(path, "ab") as file:
        pickle.dump(pickle.dumps(_plain(element)), file)


def _plain(element):
    """With lists for the iterables that hold a group."""
    is_group = isinstance(element, tuple) and len(element) == 2 and hasattr(element[1], "__iter__")
    return (element[0], list(element[1])) if is_group else element


def travelling(source, vocabulary_path, folder):
    """All elements between the steps of a job."""
    work = folder / "work"
    work.mkdir(parents=True)
    read = functools.partial(readers.labelled_texts, columns=Columns(labels=("neg", "pos")))
    spec = dataclasses.replace(
        imdb_spec(source, vocabulary_path), read=read, sources=[Source(str(source), "train")]
    )
    tokenizer = TokenizerSpec(tuple(load_vocabulary(str(vocabulary_path))), True)
    job = beam_run.job_for_flags([], 0)
    with job.pipeline() as steps:
        pipeline.build_pipeline(spec, tokenizer, str(work), steps)
        collections = _Collections()
        steps.visit(collections)
        for number, collection in enumerate(collections.found):
            _ = collection | f"Note{number}" >> beam.Map(_note, str(folder / f"noted-{number}"))
    assert list(work.glob("*.tfrecord"))
    return [element for path in folder.glob("noted-*") for element in _unpickled(path)]


def _unpickled(path):
    with open(path, "rb") as file:
        while file.peek(1):
            yield pickle.load(file)


def test_no_text_travels_between_the_steps(vocabulary_path, tmp_path):
    totals = []
    for reviews in (100, 1_000):
        source = tmp_path / f"{reviews}.csv"
        text = "A lighthouse keeper's tale. " * 40
        source.write_text("label,text\n" + f"pos,{text}\n" * reviews)
        elements = travelling(source, vocabulary_path, tmp_path / str(reviews))
        assert not any(b"lighthouse" in element for element in elements)
        assert max(map(len, elements)) < 4_000
        totals.append(sum(map(len, elements)))
    # Ten times the data, but not one more block: the same places, with longer numbers.
    assert totals[1] < 1.1 * totals[0] < 50_000
