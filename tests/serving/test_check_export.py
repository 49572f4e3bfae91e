"""The process that checks an export: what it may import, and what it says when it fails."""

import subprocess
import sys

import numpy as np
import pytest

from preprocessing.errors import InputError
from serving import check_export
from serving.export_check import _kept, check_process, compare
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


def test_an_export_that_never_answers_is_given_up(tmp_path):
    message = r"has not answered within 0\.01 s .* so it is not published"
    with check_process() as process, pytest.raises(InputError, match=message):
        process.answers(tmp_path, [], [], timeout_s=0.01)
    assert process.process.returncode == -9


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        (3, "3 of 3 requests"),
        (2, "2 of 3 requests take 2 s; left out, the longest last: nbest of 8"),
    ],
)
def test_what_the_warm_up_leaves_out_is_told(kept, text):
    sizes = (("serving_default", 1), ("nbest", 1), ("nbest", 8))
    possible = [Request(name, {"text": [b"x"] * size}) for name, size in sizes]
    assert _kept(possible[:kept], possible) == text


@pytest.mark.parametrize(("apart", "is_close"), [(0.04, True), (0.06, False)])
def test_the_probabilities_of_nbest_are_compared_in_bfloat16_too(apart, is_close):
    """Other answers may win, their places in the order stay."""
    request = Request("nbest", {"question": [b"?"], "context": [b"x"]})
    wanted = {"answer": np.array([[b"a", b"b"]]), "probability": np.array([[0.5, 0.25]])}
    got = {"answer": [["b", "a"]], "probability": [[0.5 + apart, 0.25]]}
    found = {"session": [got], "function": []}
    if is_close:
        compare([request], [wanted], found, "bfloat16")
    else:
        with pytest.raises(InputError, match="nbest, loaded as session, output probability"):
            compare([request], [wanted], found, "bfloat16")


def test_both_ways_of_loading_answer(models):
    request = Request("serving_default", {"text": [b"a lovely film", "café".encode()]})
    with check_process() as process:
        found = process.answers(models / "sentiment" / "1", [request], [request, request])
    (by_session,), (by_function,) = found["session"], found["function"]
    assert by_session["probability"] == pytest.approx(by_function["probability"], abs=1e-6)
    assert len(by_session["probability"]) == len(found["seconds"]) == 2
