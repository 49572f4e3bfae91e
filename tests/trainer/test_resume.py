"""Runs that are killed or interrupted, on real processes and signals."""

import json
import pathlib
import signal
import time

import h5py
import numpy as np
import pytest

from tests.trainer.tiny import start, trainer_command


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
    return [(line["train_loss"], line["validation_loss"]) for line in map(json.loads, lines)]


def finish(process):
    _, log = process.communicate(timeout=120)
    return process.returncode, log


def wait_for_checkpoint(run_dir, number):
    deadline = time.monotonic() + 60
    while not (pathlib.Path(run_dir) / "checkpoints" / f"ckpt-{number}.index").exists():
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bits(tiny_config, squad_data, tmp_path):
    # 12 epochs of 6 steps with a checkpoint every 4: the kill hits an epoch's middle.
    fields = {"task": "squad", "data_dir": str(squad_data), "epochs": 12}
    fields |= {"checkpoint_every_steps": 4, "dropout": 0.1}
    whole = tiny_config(output_dir=str(tmp_path / "whole"), **fields)
    assert finish(start(trainer_command(whole)))[0] == 0
    killed = tiny_config(output_dir=str(tmp_path / "killed"), **fields)
    process = start(trainer_command(killed))
    wait_for_checkpoint(killed.output_dir, 3)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.weights.h5").exists()
    status, log = finish(start(trainer_command(killed)))
    assert (status, "going on after epoch" in log) == (0, True), log
    assert losses(killed.output_dir) == losses(whole.output_dir)
    expected = weights(whole.output_dir)
    found = weights(killed.output_dir)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_and_goes_on(tiny_config, imdb_data, number):
    config = tiny_config(task="imdb", data_dir=str(imdb_data), epochs=400)
    process = start(trainer_command(config))
    wait_for_checkpoint(config.output_dir, 1)
    process.send_signal(number)
    status, log = finish(process)
    assert (status, log.splitlines()[-1]) == (130, "interrupted")
    assert "Traceback" not in log
    process = start(trainer_command(config))
    wait_for_checkpoint(config.output_dir, 30)
    process.kill()
    assert "going on after epoch" in finish(process)[1]
