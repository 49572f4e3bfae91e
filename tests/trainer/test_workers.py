"""trainer/workers.py: two real processes, one of which is stopped or killed."""

import dataclasses
import json
import random
import re
import signal
import time

import pytest

from tests.trainer.test_distribution import free_ports
from tests.trainer.test_resume import FIELDS, assert_same_run, steps_saved, wait_for_step
from tests.trainer.tiny import write_dataset


@pytest.fixture
def start_workers(start_trainer):
    """Starts two trainers that train together.

    `jobs` are their names in TF_CONFIG, `others` fields of the second one's own.
    """

    def start(config, jobs=("worker", "worker"), **others):
        ports, cluster = free_ports(2), {}
        for job, port in zip(jobs, ports, strict=True):
            cluster.setdefault(job, []).append(f"localhost:{port}")
        tasks = [{"type": job, "index": jobs[:place].count(job)} for place, job in enumerate(jobs)]
        configs = (config, dataclasses.replace(config, **others))
        return [
            start_trainer(each, TF_CONFIG=json.dumps({"cluster": cluster, "task": task}))
            for each, task in zip(configs, tasks, strict=True)
        ]

    return start


def end(workers):
    return [worker.finish() for worker in workers]


def kill_one(workers, victim):
    """Kills a worker; checks how the other one ends."""
    workers[victim].kill()
    killed = time.monotonic()
    status, log = workers[1 - victim].finish()
    assert (status, time.monotonic() - killed < 60) == (2, True), log
    last = log.splitlines()[-1]
    assert re.match(r"error: (worker|chief) \d: another worker has ended or does not answer", last)
    assert last.endswith(
        "Start all workers again, each with its same command: they go on from the last checkpoint."
    )
    assert "Traceback" not in log
    assert workers[victim].finish()[0] == -signal.SIGKILL


@pytest.fixture
def fields(tmp_path):
    """Of a run of 6 epochs; without validation data, whose graph would take its time to trace."""
    data = write_dataset(tmp_path / "data", "squad", {"train": 90})
    return FIELDS | {"data_dir": str(data), "epochs": 6}


@pytest.fixture
def generator():
    """Random numbers whose seed is printed when the test fails."""
    generator = random.Random(seed := random.randrange(1000))
    print(f"seed {seed}")
    return generator


def test_workers_of_which_one_is_killed_end_with_the_same_bits(
    tiny_config, fields, start_workers, generator, tmp_path
):
    whole = tiny_config(output_dir=str(tmp_path / "whole"), **fields)
    assert [status for status, _ in end(start_workers(whole))] == [0, 0]
    config = tiny_config(**fields)
    workers = start_workers(config)
    wait_for_step(config, generator.randrange(1, 20))
    kill_one(workers, generator.randrange(2))
    ended = end(start_workers(config))
    assert [status for status, _ in ended] == [0, 0], ended
    assert all("going on after epoch" in log for _, log in ended)
    assert_same_run(config.output_dir, whole.output_dir)


def test_workers_with_other_flags_do_not_train_together(tiny_config, fields, start_workers):
    for status, log in end(start_workers(tiny_config(**fields), learning_rate=1e-4)):
        assert status == 2, log
        last = log.splitlines()[-1]
        assert re.match(r"error: worker \d: what is to be trained is not the same in all wor", last)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 0)],
    ids=["int", "term"],
)
def test_a_worker_that_waits_for_the_others_can_be_stopped(
    tiny_config, imdb_data, start_trainer, number, status
):
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    task = {"type": "worker", "index": 1}
    config = tiny_config(task="imdb", data_dir=str(imdb_data))
    alone = start_trainer(config, TF_CONFIG=json.dumps({"cluster": cluster, "task": task}))
    while "worker 1 waits for all 2 workers" not in alone.log():
        time.sleep(0.1)
    time.sleep(1)
    alone.send_signal(number)
    assert alone.finish(timeout_s=30)[0] == status


@pytest.mark.slow
def test_sigterm_to_one_worker_stops_both_at_the_same_step(
    tiny_config, squad_data, start_workers, generator, tmp_path
):
    config = tiny_config(**(FIELDS | {"data_dir": str(squad_data), "epochs": 100}))
    for asked in (0, 1):
        workers = start_workers(config)
        wait_for_step(config, steps_saved(config) + 1)
        time.sleep(generator.random() / 10)
        workers[asked].send_signal(signal.SIGTERM)
        ended = end(workers)
        assert [status for status, _ in ended] == [0, 0], ended
        # TensorFlow may say after it, as it ends, that the other worker has gone already.
        stopped = [re.findall(r"^stopped, with .*", log, flags=re.MULTILINE) for _, log in ended]
        assert len(stopped[0]) == 1
        assert not any(re.search(r"^(error:|Traceback)", log, re.MULTILINE) for _, log in ended)
        assert stopped[0] == stopped[1]
        assert re.fullmatch(r"stopped, with a checkpoint of epoch \d+, step \d .*", stopped[0][0])


@pytest.mark.slow
def test_two_workers_that_are_killed_again_and_again(
    tiny_config, fields, start_workers, generator, tmp_path
):
    fields |= {"epochs": 30}
    jobs = ("chief", "worker")
    whole = tiny_config(output_dir=str(tmp_path / "whole"), **fields)
    assert [status for status, _ in end(start_workers(whole, jobs))] == [0, 0]
    config = tiny_config(**fields)
    for _ in range(4):
        workers = start_workers(config, jobs)
        wait_for_step(config, steps_saved(config) + generator.randrange(1, 30))
        kill_one(workers, generator.randrange(2))
    ended = end(start_workers(config, jobs))
    assert [status for status, _ in ended] == [0, 0], ended
    assert_same_run(config.output_dir, whole.output_dir)
