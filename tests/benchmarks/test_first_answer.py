"""The first answer after the warm-up of an export comes at once."""

import pytest

from benchmarks.first_answer import _in_a_process, first_answer, warm_up_requests


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentiment", "qa"])
def test_the_first_answer_after_warm_up_takes_less_than_a_second(models, name):
    version = models / name / "1"
    warm, cold = (_in_a_process(version, warm_up) for warm_up in (True, False))
    assert warm.first_answer_s < 1.0
    assert cold.warm_up_s < 0.01 < warm.warm_up_s
    assert warm.first_answer_s < cold.first_answer_s


@pytest.mark.slow
def test_all_of_the_warm_up_is_replayed(models):
    signatures = [signature for signature, _ in warm_up_requests(models / "sentiment" / "1")]
    assert signatures[:2] == ["serving_default", "classify"]
    assert first_answer(models / "sentiment" / "1", True).load_s > 0
