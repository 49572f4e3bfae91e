"""Preprocessing on Dataflow: the flags, and a job that runs against an emulated bucket."""

import json
import os
import subprocess
import sys

import pytest
from gcp_storage_emulator.server import create_server
from google.cloud import storage

from infra.vertex.dataflow import Preprocessing, arguments
from infra.vertex.settings import Settings
from preprocessing.errors import InputError
from tests.infra.vertex.dataflow_server import DataflowServer

WANTED = {
    "image": "europe-docker.pkg.dev/p/bertline/worker:1",
    "machine_type": "n1-standard-4",
    "max_workers": 7,
    "service_account": "",
}
PLACES = ["--input", "gs://in/a.csv", "gs://in/b.csv", "--output_dir=gs://out/data"]


def test_the_flags_of_the_runner():
    wanted = Preprocessing(flags=["imdb", *PLACES, "--num_shards=2"], **WANTED)
    settings = Settings(project="my-project", region="europe-west4")
    temporary = "gs://my-project-bertline/bertline/dataflow"
    assert arguments(settings, wanted) == [
        "imdb",
        *PLACES,
        "--num_shards=2",
        "--runner=DataflowRunner",
        "--project=my-project",
        "--region=europe-west4",
        f"--temp_location={temporary}/temp",
        f"--staging_location={temporary}/staging",
        # echo -n gs://out/data | sha256sum | head -c 10
        "--job_name=bertline-imdb-bd350e7971",
        "--sdk_container_image=europe-docker.pkg.dev/p/bertline/worker:1",
        "--sdk_location=container",
        "--worker_machine_type=n1-standard-4",
        "--max_num_workers=7",
    ]


@pytest.mark.parametrize(
    ("flags", "more", "said"),
    [
        ([], {}, "the task is nothing, expected imdb or squad"),
        (["sst", *PLACES], {}, "the task is sst"),
        (["imdb", "--output_dir", "gs://out/data"], {}, "--input is not set, expected gs://"),
        (["imdb", *PLACES[:2], "b.csv", PLACES[3]], {}, "--input is b.csv, expected gs://"),
        (["imdb", *PLACES[:3], "--output_dir=data"], {}, "--output_dir is data, expected gs://"),
        (["imdb", *PLACES], {"max_workers": 0}, "--max_workers is 0, expected at least 1"),
    ],
)
def test_what_cannot_be_is_refused(flags, more, said):
    with pytest.raises(InputError) as raised:
        Preprocessing(flags=flags, **WANTED | more)
    assert said in str(raised.value)


@pytest.fixture
def dataflow(monkeypatch):
    emulator = create_server("localhost", 0, in_memory=True, default_bucket="b")
    emulator.start()
    address = f"http://localhost:{emulator._api._httpd.server_port}"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # no search for a machine's own account
    server = DataflowServer()
    monkeypatch.setenv("HTTP_PROXY", server.proxy)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    yield server
    server.close()
    emulator.stop()


def bucket():
    return storage.Client.create_anonymous_client().bucket("b")


def preprocess(dataflow, *flags):
    """The command in a process of its own: status, what it printed, its errors."""
    command = [
        *(sys.executable, "-m", "infra.vertex", "preprocess", "imdb", "--project=my-project"),
        *("--input", "gs://b/raw/reviews.csv", "--output_dir=gs://b/data/imdb"),
        "--num_shards=1",
        *(f"--dataflow_endpoint={dataflow.URL}", "--no_auth", *flags),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def reviews(dataflow, tmp_path):
    rows = [f"review number {i} is {word},{word}" for i, word in enumerate(["good", "bad"] * 20)]
    bucket().blob("raw/reviews.csv").upload_from_string("\n".join(["text,label", *rows]))


@pytest.mark.slow
def test_a_job_runs_as_dataflow_gets_it_and_publishes_the_data_set(
    dataflow, reviews, vocabulary_path
):
    status, _, err = preprocess(dataflow, "--vocab_file", str(vocabulary_path))
    assert status == 0, err
    info = json.loads(bucket().blob("data/imdb/info.json").download_as_bytes())
    assert sum(split["examples"] for split in info["splits"].values()) == 40
    (job,) = dataflow.jobs.values()
    assert (job["projectId"], job["location"]) == ("my-project", "us-central1")
    assert job["name"].startswith("bertline-imdb-")
    (pool,) = job["environment"]["workerPools"]
    assert pool["machineType"] == "n1-standard-4"
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 10
    (container,) = pool["sdkHarnessContainerImages"]
    assert container["containerImage"].startswith(
        "us-central1-docker.pkg.dev/my-project/bertline/worker:"
    )


@pytest.mark.slow
def test_a_job_that_fails_publishes_nothing_and_is_one_line(dataflow, reviews, vocabulary_path):
    dataflow.failure = "Quota CPUS exceeded."
    status, _, err = preprocess(dataflow, "--vocab_file", str(vocabulary_path))
    assert status == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "the Dataflow job failed: " in line
    assert "Quota CPUS exceeded." in line
    assert not bucket().blob("data/imdb/info.json").exists()
