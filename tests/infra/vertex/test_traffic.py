"""Traffic splits; expected values worked out by hand."""

import pytest

from infra.vertex.traffic import rolled_back, shifted
from preprocessing.errors import InputError


@pytest.mark.parametrize(
    ("current", "percent", "others", "expected"),
    [
        pytest.param({}, 100, [], {"n": 100}, id="the-first"),
        pytest.param({"a": 100}, 100, ["a"], {"n": 100}, id="takes-all"),
        pytest.param({"a": 100}, 10, ["a"], {"n": 10, "a": 90}, id="canary"),
        pytest.param({"a": 90, "n": 10}, 25, ["a"], {"n": 25, "a": 75}, id="more-of-it"),
        pytest.param({"a": 50, "b": 50}, 25, ["a", "b"], {"n": 25, "a": 38, "b": 37}, id="halves"),
        pytest.param(
            {"a": 75, "b": 25}, 20, ["a", "b"], {"n": 20, "a": 60, "b": 20}, id="in-ratio"
        ),
        pytest.param(
            {"n": 100}, 30, ["b", "a"], {"n": 30, "b": 70}, id="the-newest-takes-the-rest"
        ),
        pytest.param({"a": 90, "n": 10}, 0, ["a"], {"a": 100}, id="taken-back"),
        pytest.param({"a": 99, "b": 1}, 99, ["a", "b"], {"n": 99, "a": 1}, id="nobody-has-0"),
    ],
)
def test_shifted(current, percent, others, expected):
    assert shifted(current, "n", percent, others) == expected


def test_a_share_needs_somebody_for_the_rest():
    with pytest.raises(InputError, match="--traffic is 40, expected 100"):
        shifted({}, "n", 40, [])


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        pytest.param({"3": 100}, "2", id="to-the-one-before"),
        pytest.param({"3": 10, "2": 90}, "2", id="canary-given-up"),
        pytest.param({"2": 100}, "1", id="one-step-further"),
    ],
)
def test_rolled_back(current, expected):
    assert rolled_back(current, ["3", "2", "1"]) == expected


def test_before_the_first_there_is_none():
    with pytest.raises(InputError, match="there is no version deployed before"):
        rolled_back({"1": 100}, ["3", "2", "1"])
