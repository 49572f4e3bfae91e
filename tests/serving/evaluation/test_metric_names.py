"""The names known beforehand are those that real evaluations give."""

import numpy as np

from serving.evaluation.metric_names import metric_names
from serving.evaluation.text_figures import TextScores, text_measures


def test_of_a_classifier(imdb_evaluation):
    assert metric_names("imdb", 2) == set(imdb_evaluation[1])


def test_of_three_labels():
    scores = TextScores(np.array([0, 2, 1, 1]), np.array([[0.2, 0.3, 0.5]] * 4))
    assert metric_names("imdb", 3) == {*text_measures(scores), "examples", "rejected"}


def test_of_a_reader(squad_evaluation):
    """Of SQuAD v1.1 and of v2.0; the fixture's is v2.0."""
    assert metric_names("squad", 0, is_v2=True) == set(squad_evaluation[1])
    assert metric_names("squad", 0) == {"exact_match", "f1", "total"}
