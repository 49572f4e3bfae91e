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
    assert metric_names("squad", 0) == {*squad_evaluation[1], "exact_match"}
