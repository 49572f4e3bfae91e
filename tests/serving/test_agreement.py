"""How far two models agree: what counts as the same answer, and what is refused."""

import numpy as np
import pytest

from preprocessing.errors import InputError
from serving.agreement import Agreement, agreement

NAN, INFINITE = float("nan"), float("inf")


def of(outputs):
    """A model that gives these outputs, whatever it is asked."""
    return lambda signature, inputs: {k: np.array(v) for k, v in outputs.items()}


def reviews(*probabilities):
    return of({"probability": np.array(probabilities, np.float32)})


def test_classes_are_compared_and_probabilities_where_they_are_the_same():
    found = agreement(reviews(0.25, 0.75, 0.5), reviews(0.25, 0.5, 0.25), [{}])
    assert found == Agreement(3, 2 / 3, 0.25, not_finite=0)


@pytest.mark.parametrize("number", [NAN, INFINITE, -INFINITE])
def test_what_is_no_number_is_another_answer_and_refused(number):
    """No comparison with NaN is true: max(0.0, nan) is 0.0."""
    found = agreement(reviews(0.25, 0.75), reviews(number, 0.75), [{}, {}])
    assert found == Agreement(4, 0.5, 0.0, not_finite=2)
    with pytest.raises(InputError, match="2 of 4 answers have a probability that is NaN or inf"):
        found.check_finite()


def test_of_many_labels_each_probability_counts():
    good = {"label": [b"a", b"b"], "probabilities": [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]}
    bad = {"label": [b"a", b"b"], "probabilities": [[0.5, NAN, 0.25], [0.25, 0.5, 0.25]]}
    assert agreement(of(good), of(bad), [{}]) == Agreement(2, 0.5, 0.0, not_finite=1)
    assert agreement(of(bad), of(good), [{}]) == Agreement(2, 0.5, 0.0, not_finite=1)
    agreement(of(good), of(good), [{}]).check_finite()
