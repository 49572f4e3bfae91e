"""The comparison of a run's graph with plain Python, on a file of questions."""

import json

import pytest

from benchmarks import answers_equal
from preprocessing.errors import InputError
from tests.serving import run_squad_reference as reference


def compare(run, path, *flags):
    answers_equal.main([str(path), f"--run_dir={run}", "--batch_size=5", *flags])


def test_graph_and_plain_python_agree(squad_run, questions, capsys):
    compare(squad_run, questions)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["null_score_diff_threshold"] for line in lines] == [None, 0.0]
    for line in lines:
        equal = {line[name] for name in ("answers_equal", "lists_equal", "slices_equal")}
        assert equal == {line["questions"]} == {8}
        # A window has 40 tokens: of each context there are several.
        assert line["windows"] > 8


@pytest.mark.slow
def test_another_rule_is_found_out(squad_run, questions, monkeypatch, capsys):
    monkeypatch.setattr(reference, "is_max_context", lambda spans, index, position: True)
    with pytest.raises(InputError, match="graph and plain Python differ"):
        compare(squad_run, questions, "--limit=8")
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert line["lists_equal"] < line["questions"]
