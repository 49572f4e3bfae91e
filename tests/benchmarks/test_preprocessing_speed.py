import json
import os
import sys

import pytest

from benchmarks import preprocessing_speed
from preprocessing.errors import InputError
from tests.conftest import question


@pytest.fixture
def run(small_squad, vocabulary_path, tmp_path):
    """Runs the benchmark once on three questions; gives its JSON."""

    def run(*flags):
        source = small_squad(question("a"), question("b", answer="1894"), question("c"))
        output = tmp_path / "numbers.json"
        common = ["--input", str(source), "--vocab_file", str(vocabulary_path), "--repeat", "1"]
        more = ["--work_dir", str(tmp_path / "work"), "--output", str(output)]
        preprocessing_speed.main(["squad", *common, *more, *flags])
        return json.loads(output.read_text())

    return run


@pytest.mark.slow
def test_ours_alone(run, tmp_path, capsys):
    result = run("--peers", "", "--num_shards", "2")
    assert result["work"]["default"]["records"] == result["work"]["default"]["equal"] == 3
    (cost,) = result["runs"]["default"]
    assert 0 < cost["cpu_s"] <= 2 * os.cpu_count() * cost["seconds"]
    assert "| default |" in capsys.readouterr().out
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(
    "BERTLINE_PEER_PYTHON" not in os.environ,
    reason="BERTLINE_PEER_PYTHON names no Python with the packages of benchmarks/huggingface.py",
)
def test_the_peer_writes_the_same_records(run):
    python = os.environ["BERTLINE_PEER_PYTHON"]
    result = run("--peer_python", python, "--peers", "tfrecord,arrow,tfrecord_once")
    assert {name: work["equal"] for name, work in result["work"].items()} == {
        "default": 3,
        "peer_tfrecord": 3,
        "peer_arrow": 3,
        "peer_tfrecord_once": 3,
    }


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--peer_python is missing"),
        (["--peer_python", "nothing-here"], "nothing-here: cannot run it"),
        (["--peer_python", sys.executable], "No module named 'datasets'"),
        (["--peers", "x"], "--peers has 'x', expected some of tfrecord, arrow, tfrecord_once"),
        (["--variants", "", "--peers", ""], "--variants and --peers are both empty"),
        (["--repeat", "0"], "--repeat is 0, expected at least 1"),
        (["--peers", "", "--input", "nothing-here"], "nothing-here: no such file or folder"),
    ],
)
def test_flags_that_cannot_be(run, flags, message):
    with pytest.raises(InputError, match=message):
        run(*flags)
