"""Files that appear whole or not at all."""

import json

import pytest

from preprocessing.errors import InputError
from serving.evaluation.output_files import EVALUATION, output_files

ENTRIES = {"a": "“é” 🎬\n", 'b"\\': [{"text": "x", "start": 1}], "c": -1.25, "d": {}}


def test_an_object_is_as_json_writes_it(tmp_path):
    with output_files(tmp_path, EVALUATION) as files:
        written, empty = files.object("predictions"), files.object("null_odds")
        for key, value in ENTRIES.items():
            written.add(key, value)
        written.end()
        empty.end()
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
