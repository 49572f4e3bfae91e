"""The process that checks an export: what it may import, and what it says when it fails."""

import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from serving import check_export
from serving.export_check import check_process
from serving.warmup_requests import Request

TRY = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("check_export", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.meta_path.insert(0, module.OnlyTensorFlow())
sys.path.insert(0, sys.argv[2])
__import__(sys.argv[3])
"""


@pytest.mark.parametrize(
    ("name", "refused"),
    [("trainer", True), ("serving", True), ("preprocessing.errors", True), ("json", False)],
)
def test_what_a_server_does_not_have_cannot_be_imported(name, refused, request):
    command = [
        sys.executable,
        "-I",
        "-c",
        TRY,
        check_export.__file__,
        request.config.rootpath,
        name,
    ]
    process = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (process.returncode != 0) == refused
    assert ("expected TensorFlow and TF Text alone" in process.stderr) == refused


def test_arrays_become_lists_of_text():
    import numpy as np

    nested = np.array([["é".encode(), b""]], object)
    assert check_export.to_json(nested) == [["é", ""]]
    assert check_export.to_json(np.array([[1, 2]], np.int32)) == [[1, 2]]


def test_an_export_that_fails_is_named_with_its_reason(models, tmp_path):
    (tmp_path / "empty").mkdir()
    with check_process() as process, pytest.raises(InputError) as caught:
        process.answers(tmp_path / "empty", [], [])
    assert "loading it by Session: SavedModel file does not exist" in str(caught.value)


def test_both_ways_of_loading_answer(models):
    request = Request("serving_default", {"text": [b"a lovely film", "café".encode()]})
    with check_process() as process:
        found = process.answers(models / "sentiment" / "1", [request], [request, request])
    (by_session,), (by_function,) = found["session"], found["function"]
    assert by_session["probability"] == pytest.approx(by_function["probability"], abs=1e-6)
    assert len(by_session["probability"]) == len(found["seconds"]) == 2
