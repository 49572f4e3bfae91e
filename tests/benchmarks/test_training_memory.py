import sys
import textwrap

import pytest

from benchmarks import training_memory
from benchmarks.training_memory import EpochMemory
from preprocessing.errors import InputError

# Three epochs of half a second; from the second on it holds 100 MiB more.
TRAINING = """
    import pathlib, sys, time
    held = bytearray()
    history = pathlib.Path(sys.argv[1])
    for epoch in range(3):
        if epoch == 1:
            held = bytearray(b"x") * 2**20 * 100
        time.sleep(0.5)
        with history.open("a") as file:
            print('{"step": %d}' % (10 * epoch + 10), file=file)
"""


def test_samples_are_those_of_the_epochs(tmp_path):
    history = tmp_path / "history.jsonl"
    command = [sys.executable, "-c", textwrap.dedent(TRAINING), str(history)]
    samples = list(training_memory.sample(command, history, tmp_path / "log"))
    first, second, third = training_memory.by_epoch(samples, [10, 20, 30])
    assert (first.last_step, second.last_step, third.last_step) == (10, 20, 30)
    assert second.peak_mib - first.median_mib == pytest.approx(100, abs=5)
    assert third.median_mib - second.peak_mib == pytest.approx(0, abs=5)


def test_a_training_that_fails(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such preset')"]
    with pytest.raises(InputError, match="exit status 1: no such preset"):
        list(training_memory.sample(command, tmp_path / "history.jsonl", tmp_path / "log"))


def test_growth_leaves_out_the_warm_up():
    epochs = [EpochMemory(200, 10, 10), EpochMemory(400, 500, 600), EpochMemory(600, 502, 600)]
    assert training_memory.growth(epochs) == pytest.approx(1.0)
    assert training_memory.table(epochs).splitlines()[-3:] == [
        "| 600 | 502 | 600 |",
        "",
        "+1.00 MiB in 100 steps, over 400 steps",
    ]
