"""The n-best graph against plain Python, on random logits over real windows."""

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from preprocessing.vocabulary import load_vocabulary
from serving.span_graph import candidate_spans, n_best, null_scores
from serving.window_graph import cut_windows
from tests.serving import run_squad_reference as reference

QUESTIONS = ["who?", "what was it", "where where where", "when", "why?"]
CONTEXTS = [
    "the cat sat on the mat. " * 12,  # equal texts in many places, several windows
    "one word",
    " \t\u200b ",  # no token at all
    "Café Zürich — 中国电影 🎬 cafe\u0301s, " * 6,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 2,
]
MAX_SEQ_LENGTH, DOC_STRIDE, MAX_QUERY_LENGTH = 32, 11, 4


@pytest.fixture(scope="module")
def tokenizer(vocabulary_path):
    return BertTokenizer(load_vocabulary(vocabulary_path))


@pytest.mark.parametrize("with_null", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_n_best_equals_run_squad(tokenizer, with_null, seed):
    context = tf.constant(CONTEXTS)
    windows = cut_windows(
        tokenizer, tf.constant(QUESTIONS), context, MAX_SEQ_LENGTH, DOC_STRIDE, MAX_QUERY_LENGTH
    )
    random = np.random.default_rng(seed)
    # Few distinct values, so that there are ties, whose order is part of the rules.
    shape = windows.token_ids.shape
    start_logits, end_logits = random.integers(-9, 9, (2, *shape)).astype(np.float32) / 4
    count = tf.size(context)
    spans = candidate_spans(windows, context, tf.constant(start_logits), tf.constant(end_logits))
    null_score = null_scores(windows, (start_logits, end_logits), count)
    table = n_best(spans, null_score if with_null else None, count)
    for row, text in enumerate(CONTEXTS):
        expected, expected_null, _ = _expected(
            tokenizer, row, text, windows, start_logits, end_logits, with_null
        )
        found = [
            (answer.decode(), start, end)
            for answer, start, end, _ in zip(*(each[row].numpy() for each in table), strict=True)
        ]
        shown = expected[:20]
        assert found[: len(shown)] == [entry[:3] for entry in shown]
        assert set(found[len(shown) :]) <= {("", -1, -1)}
        probabilities = [entry[3] for entry in shown] + [0.0] * (20 - len(shown))
        np.testing.assert_allclose(table.probability[row], probabilities, atol=1e-6)
        assert null_score[row] == expected_null


def _expected(tokenizer, row, text, windows, start_logits, end_logits, with_null):
    _, starts, ends = (each.to_list()[0] for each in tokenizer.tokenize_with_offsets([text]))
    question_length = len(tokenizer.tokenize([QUESTIONS[row]]).to_list()[0][:MAX_QUERY_LENGTH])
    room = MAX_SEQ_LENGTH - question_length - 3
    spans = reference.doc_spans(len(starts), room, DOC_STRIDE)
    own = [i for i, question in enumerate(windows.question.numpy()) if question == row]
    assert len(own) == len(spans)
    lengths = windows.lengths.numpy()
    logits = [
        (start_logits[i][: lengths[i]].tolist(), end_logits[i][: lengths[i]].tolist()) for i in own
    ]
    return reference.answers(
        *(text, list(zip(starts, ends, strict=True)), spans, question_length + 2, logits),
        n_best=20,
        max_tokens=30,
        with_null=with_null,
    )


def test_no_question_gives_an_empty_table(tokenizer):
    nothing = tf.constant([], tf.string)
    windows = cut_windows(tokenizer, nothing, nothing, 32, 11, 4)
    logits = tf.zeros(tf.shape(windows.token_ids))
    table = n_best(candidate_spans(windows, nothing, logits, logits), None, tf.constant(0))
    assert table.answer.shape == (0, 20)
