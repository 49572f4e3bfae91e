"""Runs that are killed, stopped or short of disk, on real processes and signals."""

import json
import pathlib
import random
import re
import signal
import time

import h5py
import numpy as np
import pytest

from trainer.checkpoint_files import newest_first

# 12 epochs of 6 steps with a checkpoint every 4: most kills hit an epoch's middle.
FIELDS = {"task": "squad", "epochs": 12, "checkpoint_every_steps": 4, "dropout": 0.1}


def weights(run_dir):
    """Every array of model.weights.h5 by its path in the file."""
    found = {}
    with h5py.File(pathlib.Path(run_dir) / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]}) if hasattr(item, "dtype") else None
        )
    return found


def losses(run_dir):
    lines = (pathlib.Path(run_dir) / "history.jsonl").read_text().splitlines()
    names = ("train_loss", "validation_loss")
    return [[line[name] for name in names if name in line] for line in map(json.loads, lines)]


def finish(process):
    _, log = process.communicate(timeout=120)
    return process.returncode, log


def steps_saved(config):
    """The steps of the last checkpoint; 0 without one."""
    paths = newest_first(pathlib.Path(config.output_dir) / "checkpoints")
    return int(paths[0].name.split("-")[1]) if paths else 0


def wait_for_step(config, step):
    """Waits until a checkpoint of that step or a later one is written."""
    deadline = time.monotonic() + 300
    while steps_saved(config) < step:
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.005)


def assert_same_run(run_dir, expected_dir):
    """The same weights, bit for bit, and the same history."""
    found, expected = weights(run_dir), weights(expected_dir)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert losses(run_dir) == losses(expected_dir)


def test_a_run_that_is_stopped_and_killed_ends_with_the_same_bits(
    tiny_config, squad_data, start_trainer, tmp_path
):
    fields = FIELDS | {"data_dir": str(squad_data)}
    whole = tiny_config(output_dir=str(tmp_path / "whole"), **fields)
    assert start_trainer(whole, COMPILE_KERNELS="1").finish()[0] == 0
    config = tiny_config(**fields)
    generator = random.Random(seed := random.randrange(1000))
    print(f"seed {seed}")

    stopped = start_trainer(config, COMPILE_KERNELS="1")
    wait_for_step(config, generator.randrange(1, 20))
    stopped.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    status, log = stopped.finish()
    assert (status, time.monotonic() - asked < 30) == (0, True), log
    assert log.splitlines()[-1].startswith("stopped, with a checkpoint of epoch ")
    assert log.endswith("; the same command goes on from there\n")

    killed = start_trainer(config, COMPILE_KERNELS="1")
    wait_for_step(config, generator.randrange(24, 60))
    time.sleep(generator.random() / 20)
    killed.kill()
    status, log = killed.finish()
    assert (status, "going on after epoch" in log) == (-signal.SIGKILL, True), log

    status, log = start_trainer(config, COMPILE_KERNELS="1").finish()
    assert (status, "going on after epoch" in log) == (0, True), log
    assert_same_run(config.output_dir, whole.output_dir)


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times(tiny_config, squad_data, start_trainer, tmp_path):
    fields = FIELDS | {"data_dir": str(squad_data), "epochs": 80}
    whole = tiny_config(output_dir=str(tmp_path / "whole"), **fields)
    assert start_trainer(whole).finish()[0] == 0
    config = tiny_config(**fields)
    generator = random.Random(seed := random.randrange(1000))
    print(f"seed {seed}")
    for _ in range(20):
        killed = start_trainer(config)
        wait_for_step(config, steps_saved(config) + generator.randrange(1, 20))
        time.sleep(generator.random() / 20)
        killed.kill()
        assert killed.finish()[0] == -signal.SIGKILL
    assert start_trainer(config).finish()[0] == 0
    assert_same_run(config.output_dir, whole.output_dir)


@pytest.mark.slow
def test_a_full_disk_ends_a_run_that_goes_on_later(tiny_config, squad_data, start_trainer):
    config = tiny_config(**(FIELDS | {"data_dir": str(squad_data), "epochs": 20}))
    full = start_trainer(config)
    wait_for_step(config, 4)
    full.limit_files(20_000)  # bytes; a checkpoint has 61,456
    status, log = full.finish()
    assert status == 2, log
    assert "Traceback" not in log
    assert re.search(r"error: .*File too large.* it goes on from the last checkpoint", log), log
    saved = steps_saved(config)
    folder = pathlib.Path(config.output_dir)
    assert [path for path in folder.rglob(".*") if path.is_file()] == []
    status, log = start_trainer(config).finish()
    assert (status, f"step {saved % 6 or 6}" in log) == (0, True), log
