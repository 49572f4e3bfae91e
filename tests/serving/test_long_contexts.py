"""The memory of an answer does not grow with the number of windows."""

import json

import pytest

from benchmarks import long_contexts

LIMIT_MIB = 400  # of a million characters; 112 on two cores


@pytest.mark.slow
def test_a_million_characters_are_answered_in_bounded_memory(models, questions, capsys):
    flags = [f"--model_dir={models / 'qa'}", f"--input={questions}", "--characters=1000,1000000"]
    long_contexts.main(flags)
    short, long = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (short["characters"], long["characters"]) == (1000, 1_000_000)
    assert long["peak_mib"] - long["peak_before_mib"] < LIMIT_MIB
