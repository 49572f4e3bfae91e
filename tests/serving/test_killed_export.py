"""Exporters that are killed at any moment: what is shown is whole, and the next one works."""

import os
import pathlib
import random
import subprocess
import sys
import time

import pytest

from serving.model_dir import versions
from serving.saved_model import load_in_session

REPOSITORY = pathlib.Path(__file__).parents[2]
KILLS = 20


def start(run, model_dir):
    command = [sys.executable, "-m", "serving.export", f"--run_dir={run}"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen([*command, f"--model_dir={model_dir}"], env=environment)


def answer(version):
    return load_in_session(version)("serving_default", {"text": ["a lovely film"]})["probability"]


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_whole_versions(imdb_run, tmp_path):
    model_dir, rng = tmp_path / "sentiment", random.Random(0)
    begin = time.monotonic()
    process = start(imdb_run, model_dir)
    while not list(model_dir.glob(".unpublished-*")):
        time.sleep(0.01)
    starts_writing = time.monotonic() - begin
    assert process.wait() == 0
    duration = time.monotonic() - begin
    expected, checked = answer(model_dir / "1"), [1]
    for _ in range(KILLS):
        process = start(imdb_run, model_dir)
        time.sleep(rng.uniform(0.9 * starts_writing, 1.05 * duration))
        process.kill()
        process.wait()
        for number in sorted(set(versions(model_dir)) - set(checked)):
            assert answer(model_dir / str(number)) == pytest.approx(expected)
            checked.append(number)
    assert start(imdb_run, model_dir).wait() == 0
    assert versions(model_dir)[-1] > checked[-1]
    assert not list(model_dir.glob(".unpublished-*"))


@pytest.mark.slow
def test_two_exporters_at_once_publish_two_versions(imdb_run, tmp_path):
    model_dir = tmp_path / "sentiment"
    processes = [start(imdb_run, model_dir) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert versions(model_dir) == [1, 2]
    assert answer(model_dir / "1") == pytest.approx(answer(model_dir / "2"))
