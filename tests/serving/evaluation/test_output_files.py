"""Files that appear whole or not at all."""

import json
import signal
import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from serving.evaluation.output_files import COMPARISON, EVALUATION, output_files

ENTRIES = {"a": "“é” 🎬\n", 'b"\\': [{"text": "x", "start": 1}], "c": -1.25, "d": {}}


# Writes evaluation 2, and is killed at the given move of a file into its place.
KILLED = """
import os, signal, sys
from serving.evaluation.output_files import EVALUATION, output_files
left, move = int(sys.argv[2]), os.replace
def replace(source, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    move(source, target)
os.replace = replace
with output_files(__import__("pathlib").Path(sys.argv[1]), EVALUATION) as files:
    for name in ("predictions", "evaluation", "metrics"):
        files.json(name, 2)
"""


def write(folder, number):
    with output_files(folder, EVALUATION) as files:
        for name in ("predictions", "null_odds", "evaluation", "metrics"):
            files.json(name, number)


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_kill_leaves_no_metrics_over_other_files(tmp_path, moves):
    write(tmp_path, 1)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(moves)])
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "metrics.json").exists()
    assert list(tmp_path.glob(".unfinished-*"))
    write(tmp_path, 3)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        f"{name}.json": "3\n" for name in ("predictions", "null_odds", "evaluation", "metrics")
    }


def test_a_folder_has_one_writer(tmp_path):
    with output_files(tmp_path, EVALUATION) as files:
        files.json("metrics", 1)
        with (
            pytest.raises(InputError, match=r"--output_dir .*: another evaluation or comparison"),
            output_files(tmp_path, COMPARISON),
        ):
            pass
    write(tmp_path, 2)
    assert json.loads((tmp_path / "metrics.json").read_text()) == 2


def test_an_object_is_as_json_writes_it(tmp_path):
    with output_files(tmp_path, EVALUATION) as files:
        written, empty = files.object("predictions"), files.object("null_odds")
        for key, value in ENTRIES.items():
            written.add(key, value)
        written.end()
        empty.end()
        files.json("metrics", {})
    expected = json.dumps(ENTRIES, indent=2, ensure_ascii=False) + "\n"
    assert (tmp_path / "predictions.json").read_text() == expected
    assert (tmp_path / "null_odds.json").read_text() == "{}\n"


def test_a_failure_leaves_what_was_there(tmp_path):
    with output_files(tmp_path, EVALUATION) as files:
        files.json("metrics", {"f1": 1})
    with pytest.raises(TypeError), output_files(tmp_path, EVALUATION) as files:
        files.json("metrics", {"f1": 2, "other": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"f1": 1}


def test_files_of_an_earlier_evaluation_do_not_stay(tmp_path):
    (tmp_path / "null_odds.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    with output_files(tmp_path, EVALUATION) as files:
        files.json("metrics", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "notes.txt"]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "taken").write_text("")
    with (
        pytest.raises(InputError, match=r"--output_dir .*taken: cannot write there"),
        output_files(tmp_path / "taken", EVALUATION),
    ):
        pass
