"""trainer/report.py and pace.py."""

import os
import pty
import subprocess
import sys

import pytest

from trainer.pace import Pace, Rates
from trainer.report import StepReport, clock, epoch_text

LIVE = """
import time
from trainer.report import StepReport
with StepReport("epoch 1/3", steps=480, later=960) as report:
    for step in (118, 119, 120):
        report.step(step, 32, 5000, 0.4321, 4.9e-5)
        time.sleep(0.15)
"""


@pytest.mark.parametrize(("seconds", "expected"), [(0.4, "0:00"), (65, "1:05"), (3723, "1:02:03")])
def test_clock(seconds, expected):
    assert clock(seconds) == expected


def test_pace_leaves_the_first_step_out():
    pace = Pace()
    assert pace.add(100.0, 8, 80) is None  # it took 100 s, and its examples do not count
    assert pace.add(101.0, 8, 80) == Rates(examples=8.0, tokens=80.0, steps=1.0)
    assert pace.add(104.0, 4, 40) == Rates(examples=3.0, tokens=30.0, steps=0.5)
    pace.restart()
    assert pace.add(106.0, 8, 100) == Rates(examples=4.0, tokens=50.0, steps=0.5)


def test_pace_forgets_steps_before_its_window():
    pace = Pace(window=2)
    for now in (0.0, 100.0, 101.0):
        pace.add(now, 8, 80)
    assert pace.add(102.0, 8, 80) == Rates(examples=8.0, tokens=80.0, steps=1.0)


def test_without_a_terminal_a_line_is_logged_every_ten_seconds(caplog):
    caplog.set_level("INFO")
    now = iter([0.0, 4.0, 9.0, 12.0, 13.0])
    # A run that goes on after step 95 of 100 in this epoch, with one more epoch to come.
    with StepReport("epoch 1/2", steps=100, later=100, now=lambda: next(now)) as report:
        for step in (96, 97, 98, 99):
            report.step(step, examples=6, tokens=200, loss=0.5, learning_rate=2e-5)
    # After the first step 12 examples in 8 s; 2 steps are left at 4 s each, 100 after them.
    assert caplog.messages == [
        "epoch 1/2  98/100  loss 0.5000  lr 2.00e-05  1.5 ex/s  50 tok/s  eta 0:08 (run 6:48)"
    ]


def test_other_workers_say_nothing(caplog):
    caplog.set_level("INFO")
    now = iter([0.0, 20.0, 40.0])
    with StepReport("epoch 1/2", steps=2, enabled=False, now=lambda: next(now)) as report:
        report.step(1, 6, 200)
        report.step(2, 6, 200)
    assert caplog.messages == []


@pytest.mark.parametrize("columns", [80, 160])
def test_in_a_terminal_one_line_is_redrawn(columns):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", LIVE]
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    subprocess.run(command, stderr=theirs, env=environment, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert shown.count("\n") <= 1  # of the end
    assert "epoch 1/3  120/480  loss 0.4321  lr 4.90e-05" in shown
    assert "tok/s  eta 0:" in shown
    assert ("━" in shown) == (columns == 160)


def test_the_line_of_an_epoch():
    line = {
        "epoch": 1,
        "step": 6,
        "train_loss": 0.5,
        "seconds": 2.0,
        "examples_per_second": 45.0,
        "padding_share": 0.056,
        "validation_f1": 80.0,
    }
    assert epoch_text(line, 2) == (
        "epoch 1/2  train_loss 0.5000  validation_f1 80.0000  2.0 s  45.0 examples/s  padding 5.6%"
    )
