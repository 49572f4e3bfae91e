"""The no-answer threshold: the flag's, the validation split's, or 0."""

import pytest

from preprocessing.errors import InputError
from serving.null_threshold import choose_threshold

V2 = {"task": "squad", "has_unanswerable": True}
V1 = {"task": "squad", "has_unanswerable": False}
VALIDATED = {"validation_best_f1_threshold": -1.25}


@pytest.mark.parametrize(
    ("config", "line", "asked", "expected"),
    [
        pytest.param(V2, VALIDATED, None, (-1.25, "validation"), id="validation"),
        pytest.param(V2, VALIDATED, 0.5, (0.5, "flag"), id="flag"),
        pytest.param(V2, {}, None, (0.0, "default"), id="no-validation"),
        pytest.param(V1, {}, None, (None, None), id="always-an-answer"),
        pytest.param({"task": "imdb"}, {}, None, (None, None), id="reviews"),
    ],
)
def test_the_threshold(config, line, asked, expected):
    assert choose_threshold(config, line, asked) == expected


def test_a_threshold_that_means_nothing_is_refused():
    with pytest.raises(InputError, match=r"--null_score_diff_threshold is 1\.0"):
        choose_threshold(V1, {}, 1.0)
