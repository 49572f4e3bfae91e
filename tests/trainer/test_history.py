"""trainer/history.py and trainer/report.py."""

import json

import pytest

from trainer.history import History
from trainer.report import StepReport, clock


def line(epoch):
    return {"epoch": epoch, "step": 10 * epoch, "train_loss": 1 / epoch, "validation_accuracy": 0.5}


def test_a_resumed_history_forgets_what_the_checkpoint_does_not_know(tmp_path):
    history = History(tmp_path, epochs=0)
    for epoch in (1, 2, 3):
        history.add_epoch(line(epoch))
    History(tmp_path, epochs=1).add_epoch(line(2))
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(each)["epoch"] for each in lines] == [1, 2]
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("seconds", "expected"), [(0.4, "0:00"), (65, "1:05"), (3723, "1:02:03")])
def test_clock(seconds, expected):
    assert clock(seconds) == expected


def test_without_a_terminal_a_line_is_logged_every_ten_seconds(caplog, monkeypatch):
    caplog.set_level("INFO")
    now = iter([0.0, 4.0, 12.0, 14.0])
    monkeypatch.setattr("trainer.report.time.monotonic", lambda: next(now))
    with StepReport("epoch 1/2", steps=10, first=0) as report:
        for step in (1, 2, 3):
            report.step(step, examples=6, loss=0.5)
    # 12 examples in 12 s, 8 of 10 steps left at 6 s each
    assert caplog.messages == ["epoch 1/2  step 2/10  loss 0.5000  1.0 examples/s  0:48 left"]
