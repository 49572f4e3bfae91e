"""The whole graph of answers against plain Python, on the logits of a formula."""

import numpy as np
import pytest

from preprocessing.vocabulary import load_vocabulary
from serving import answer_graph, chunks
from serving.signatures import AnswerRules
from tests.preprocessing.hard_texts import HARD_TEXTS
from tests.serving.plain_answers import FormulaModel, check_answers

QUESTIONS = ["who?", "what was it", "where where where where", "", "when", "why?", "\u200b", "x"]
CONTEXTS = [
    "the cat sat on the mat. " * 12,  # equal texts in many places, several windows
    "one word",
    " \t\u200b ",  # no token at all
    "Café Zürich — 中国电影 🎬 cafe\u0301s, " * 6,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 2,
    "on no on no no on " * 9,  # anagrams have one rough key
    "the cat sat on the mat. " * 12,  # the first one again, for another question
    f"{'so' * 60} and {'so' * 60}",  # two [UNK]
]


# Each question with several contexts, so that the same tokens have other logits.
ASKED = [
    (question, context)
    for shift in (0, 3, 5)
    for question, context in zip(QUESTIONS[shift:] + QUESTIONS[:shift], CONTEXTS, strict=True)
]


def model(vocabulary_path, threshold=None, max_seq_length=32, doc_stride=11):
    rules = AnswerRules(
        max_seq_length=max_seq_length,
        doc_stride=doc_stride,
        max_query_length=4,
        null_score_diff_threshold=threshold,
    )
    return FormulaModel(load_vocabulary(vocabulary_path), vocabulary_path, rules)


@pytest.fixture
def small_steps(monkeypatch):
    """Two or three windows at once, so that there are several chunks and several comparisons."""
    monkeypatch.setattr(chunks, "CHUNK_TOKENS", 70)
    monkeypatch.setattr(answer_graph, "_WINDOWS_AT_ONCE", 3)


@pytest.mark.parametrize(
    ("threshold", "doc_stride"),
    [
        pytest.param(None, 11, id="v1.1"),
        pytest.param(0.0, 11, id="v2.0"),
        pytest.param(-1.0, 100, id="no-answer-though-20-spans-may-be-better"),
        pytest.param(99.0, 1, id="an-answer-wherever-there-is-a-span"),
    ],
)
def test_answers_equal_run_squad(vocabulary_path, small_steps, threshold, doc_stride):
    check_answers(model(vocabulary_path, threshold, doc_stride=doc_stride), ASKED)


@pytest.fixture(scope="module")
def v1_model(vocabulary_path):
    return model(vocabulary_path, max_seq_length=48)


def test_hard_texts_equal_run_squad(v1_model):
    texts = list(HARD_TEXTS.values())
    check_answers(v1_model, list(zip(texts[::-1], texts, strict=True)))


def test_no_question_gives_an_empty_table(v1_model):
    nothing = np.array([], object)
    assert v1_model.served.nbest(nothing, nothing)["answer"].shape == (0, 20)
    assert v1_model.served.serving_default(nothing, nothing)["start"].shape == (0,)


def test_answers_do_not_hang_on_the_rest_of_the_batch(v1_model):
    served = v1_model.served
    together = served.serving_default(QUESTIONS, CONTEXTS)
    for row, (question, context) in enumerate(zip(QUESTIONS, CONTEXTS, strict=True)):
        alone = served.serving_default([question], [context])
        for name, values in together.items():
            assert values[row].numpy() == alone[name][0].numpy()
