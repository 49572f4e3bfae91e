"""Jobs that are killed, and jobs that meet another one at the same place."""

import os
import random
import shutil
import signal
import time

import pytest

from preprocessing import __main__ as command
from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.preprocessing.job_process import contents, job_process, write_reviews
from tests.preprocessing.jobs import TWO_PROCESSES, build, imdb_spec

DIED = "error: a worker process ended before its work did: it was killed, perhaps for want of "


@pytest.fixture(scope="module")
def old(small_reviews, vocabulary_path, tmp_path_factory):
    """A data set that the jobs are to replace."""
    folder = tmp_path_factory.mktemp("old") / "data"
    build(imdb_spec(small_reviews, vocabulary_path), folder)
    return folder


@pytest.fixture(scope="module")
def small_reviews(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "aclImdb"
    for i in range(20):
        path = folder / f"train/pos/{i}_9.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"I loved film {i}.")
    return folder


@pytest.fixture(scope="module")
def reviews(sample_dir, tmp_path_factory):
    """48,000 reviews, some seconds of work for two processes."""
    folder = tmp_path_factory.mktemp("reviews") / "csv"
    write_reviews(sample_dir, folder, files=4, times=20)
    return folder


@pytest.fixture
def data(old, tmp_path):
    """A copy of the old data set."""
    return shutil.copytree(old, tmp_path / "data")


@pytest.fixture
def flags(reviews, vocabulary_path, data):
    """Of a job that replaces the old data set, with many shards to publish."""
    return [
        "imdb", "--input", reviews / "*.csv", "--output_dir", data, "--vocab_file", vocabulary_path,
        "--num_shards", "32", *TWO_PROCESSES,
    ]  # fmt: skip


def work_files(data, pattern):
    return list(data.parent.glob(f".{data.name}.unfinished/*/{pattern}"))


# What a job has just begun to do when there is a first file like this.
STAGES = {
    "start": lambda data: work_files(data, ""),
    "reading": lambda data: work_files(data, "block-*"),
    "tokenising": lambda data: work_files(data, "run-*"),
    "writing": lambda data: work_files(data, "unnamed-*"),
    "last-step": lambda data: work_files(data, "outputs"),
    "publishing": lambda data: len(list(data.iterdir())) > 8,
}


def test_a_killed_worker_ends_the_job_with_one_line(flags, data, old):
    with job_process(*flags) as job:
        assert job.wait_until(lambda: work_files(data, "block-*"))
        os.kill(job.workers()[0], signal.SIGKILL)
        status, stderr = job.end(timeout_s=15)
        assert job.wait_until_gone(timeout_s=2) == {}
    assert status == 2
    (error,) = [line for line in stderr if not line.startswith("preprocess imdb: found")]
    assert error.startswith(DIED)
    assert contents(data) == contents(old)
    assert not list(data.parent.glob(".data.unfinished"))


def test_a_killed_job_leaves_no_process_and_a_rerun_gives_the_same(
    old, data, flags, small_reviews, vocabulary_path
):
    with job_process(*flags) as job:
        assert job.wait_until(lambda: work_files(data, "block-*"))
        assert len(job.workers()) == 2
        job.process.kill()
        assert job.wait_until_gone(timeout_s=5) == {}
    assert contents(data) == contents(old)
    assert list(data.parent.glob(".data.unfinished"))
    build(imdb_spec(small_reviews, vocabulary_path), data)
    assert contents(data) == contents(old)
    assert not list(data.parent.glob(".data.unfinished"))


def test_sigterm_ends_a_job_and_its_workers(flags, data, old):
    with job_process(*flags) as job:
        assert job.wait_until(lambda: work_files(data, "block-*"))
        job.process.terminate()
        assert job.end(timeout_s=15) == (128 + signal.SIGTERM, [])
        assert job.wait_until_gone(timeout_s=2) == {}
    assert contents(data) == contents(old)
    assert not list(data.parent.glob(".data.unfinished"))


def test_two_jobs_for_one_place(flags, data, old, small_reviews, vocabulary_path):
    def other_job(source=small_reviews):
        command.main([
            "imdb", "--input", str(source), "--output_dir", str(data),
            "--vocab_file", str(vocabulary_path),
        ])  # fmt: skip

    with job_process(*flags) as job:
        assert job.wait_until(lambda: STAGES["start"](data))
        start = time.monotonic()
        with pytest.raises(InputError) as caught:
            other_job(source="not looked at yet")
        assert time.monotonic() - start < 1
        assert str(caught.value) == (
            f"--output_dir {data}: another job is writing to it. Wait for that one, or name "
            "another folder."
        )
        job.process.kill()
        job.process.wait()
        other_job()
    assert load_info(data).splits["train"].records < 20


@pytest.fixture(scope="module")
def new(reviews, vocabulary_path, tmp_path_factory):
    """What a job gives that nobody kills: its files, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("new") / "data"
    start = time.monotonic()
    with job_process(
        "imdb", "--input", reviews / "*.csv", "--output_dir", folder,
        "--vocab_file", vocabulary_path, "--num_shards", "32", *TWO_PROCESSES,
    ) as job:  # fmt: skip
        assert job.end(timeout_s=200)[0] == 0
    return contents(folder), time.monotonic() - start


@pytest.mark.slow
def test_twenty_kills_and_a_rerun(old, new, data, flags):
    whole, duration_s = new
    expected = {"old": contents(old), "new": whole}
    choose = random.Random(20)
    outcomes = []
    for number in range(20):
        shutil.rmtree(data)
        shutil.copytree(old, data)
        victim = ("job", "worker", "terminated")[number % 3]
        stage = [*STAGES, "any time"][number % (len(STAGES) + 1)]
        with job_process(*flags) as job:
            wait_for(job, data, stage, choose.random(), duration_s, expected)
            kill(job, data, victim, choose)
            status, stderr = job.end(timeout_s=20)
            assert job.wait_until_gone(timeout_s=5) == {}
        left = next(name for name in expected if contents(data) == expected[name])
        outcomes.append(f"{number} {victim} {stage}: status {status}, {left} data set")
        print(outcomes[-1], *stderr)
        check_end(victim, status, stderr, left)
    assert {outcome.split()[-3] for outcome in outcomes} == {"old", "new"}
    with job_process(*flags) as job:
        assert job.end(timeout_s=200)[0] == 0
    assert contents(data) == whole
    assert not list(data.parent.glob(".data.unfinished"))
    assert sorted(path.name for path in data.iterdir()) == sorted(whole)


def wait_for(job, data, stage, share, duration_s, expected):
    """Into a stage of a job, or any share of its time; the data set is whole at each moment."""
    end = time.monotonic() + share * duration_s

    def is_time():
        if stage == "publishing":  # a matter of milliseconds
            return STAGES[stage](data)
        assert contents(data) in expected.values()
        return STAGES[stage](data) if stage in STAGES else time.monotonic() > end

    job.wait_until(is_time)
    time.sleep(share * {"publishing": 0.005, "any time": 0.0}.get(stage, 0.5))


def kill(job, data, victim, choose):
    if victim == "worker":
        job.wait_until(lambda: job.workers() or STAGES["last-step"](data))
        for number in choose.sample(job.workers(), k=min(1, len(job.workers()))):
            os.kill(number, signal.SIGKILL)
    elif victim == "job":
        job.process.kill()
    else:
        job.process.terminate()


def check_end(victim, status, stderr, left):
    """A job that was done before its worker or itself was killed may end well."""
    if status == 0:
        assert left == "new"
    elif victim == "job":
        assert status == -signal.SIGKILL
    elif victim == "terminated":
        # It is not handled before there are workers, nor when they are done.
        assert status in (128 + signal.SIGTERM, -signal.SIGTERM)
    else:
        assert (status, left) == (2, "old")
        assert stderr[-1].startswith(DIED)
