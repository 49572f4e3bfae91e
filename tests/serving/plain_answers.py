"""Answers of a model that is a formula, from the graph and in plain Python.

Its logits follow from a token and its place in the window alone, so that both sides have the very
same ones however the graph puts its batches together. They take few values: there are ties, whose
order is part of the rules.
"""

import numpy as np
import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from preprocessing.windows import cut_windows
from serving.answer_graph import NBest
from serving.signatures import AnswerRules, QuestionAnswering
from tests.serving import run_squad_reference as reference


def logits(token_ids):
    """Start and end logits, float32[windows, sequence]: quarters from -2.25 to 2.25."""
    position = tf.range(tf.shape(token_ids)[1], dtype=tf.int64)
    mixed = tf.cast(token_ids, tf.int64) * 7919 + position * 104729
    return [tf.cast(mixed // divisor % 19 - 9, tf.float32) / 4 for divisor in (11, 1013)]


class FormulaModel:
    """The graph with that model, and what plain Python makes of the same logits.

    Args:
        vocabulary: of the tokenizer.
        vocabulary_path: its file.
        rules: windows and threshold.
    """

    def __init__(self, vocabulary, vocabulary_path, rules: AnswerRules):
        self._tokenizer = BertTokenizer(vocabulary)
        self._rules = rules
        self.served = QuestionAnswering(
            self._tokenizer, lambda ids, *_: logits(ids), rules, vocabulary_path
        )

    def expected(self, question: str, context: str) -> reference.Prediction:
        """What `run_squad.py` would answer."""
        question_ids = self._tokenizer.tokenize([question]).to_list()[0]
        question_ids = question_ids[: self._rules.max_query_length]
        columns = self._tokenizer.tokenize_with_offsets([context])
        token_ids, starts, ends = (column.to_list()[0] for column in columns)
        prefix = [self._tokenizer.cls_id, *question_ids, self._tokenizer.sep_id]
        room = self._rules.max_seq_length - len(prefix) - 1
        windows = cut_windows(len(token_ids), room, self._rules.doc_stride) or [(0, 0)]
        of_windows = []
        for start, end in windows:
            ids = np.array([[*prefix, *token_ids[start:end], self._tokenizer.sep_id]])
            of_windows.append([each.numpy()[0].tolist() for each in logits(ids)])
        spans = reference.doc_spans(len(token_ids), room, self._rules.doc_stride)
        assert [(start, end - start) for start, end in windows] == spans
        return reference.predict(
            *(context, list(zip(starts, ends, strict=True)), spans, len(prefix), of_windows),
            threshold=self._rules.null_score_diff_threshold,
        )


def check_answers(model: FormulaModel, asked: list[tuple[str, str]]) -> None:
    """Both signatures on one batch of (question, context) against plain Python, row by row."""
    columns = [tf.constant(column, tf.string) for column in zip(*asked, strict=True)]
    answers = {name: out.numpy() for name, out in model.served.serving_default(*columns).items()}
    table = {name: out.numpy() for name, out in model.served.nbest(*columns).items()}
    for row, pair in enumerate(asked):
        expected = model.expected(*pair)
        unfilled = [(*reference.NULL, 0.0)] * (20 - len(expected.entries))
        found = zip(*(table[name][row] for name in NBest._fields), strict=True)
        _check_entries(found, [*expected.entries, *unfilled][:20])
        _check_entries([[answers[name][row] for name in NBest._fields]], [expected.answer])
        assert answers["null_odds"][row] == np.float32(expected.null_odds)
        assert table["null_odds"][row] == np.float32(expected.null_odds)


def _check_entries(found, expected) -> None:
    """Text and place must be equal, the probability but for rounding."""
    for (text, start, end, probability), entry in zip(found, expected, strict=True):
        assert (text.decode(), start, end) == entry[:3]
        np.testing.assert_allclose(probability, entry[3], atol=1e-6)
