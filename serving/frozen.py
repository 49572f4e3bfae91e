"""A finished run as the functions that the signatures call: frozen, or through Keras."""

import numpy as np
import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from preprocessing.vocabulary import load_vocabulary
from serving.encoder import FrozenBert
from serving.signatures import (
    AnswerRules,
    ClassLogits,
    QuestionAnswering,
    ReviewLogit,
    Sentiment,
    SpanLogits,
    TextClassifier,
)
from trainer.fine_tuning import TWO_LABELS
from trainer.run_dir import Run

FOLDERS = ["neg", "pos"]  # of aclImdb; they are served under the names of `TWO_LABELS`


def served_module(
    run: Run,
    null_score_diff_threshold: float | None,
    through_keras: bool = False,
    dtype: str = "float32",
) -> Sentiment | TextClassifier | QuestionAnswering:
    """The module to export.

    Args:
        run: a finished run of either task.
        null_score_diff_threshold: see `AnswerRules`; not used for sentiment.
        through_keras: call the trainer's own model instead of the frozen graph, to check the
            one against the other. Such a module cannot be exported.
        dtype: of the frozen graph, one of `encoder.DTYPES`. Heads are in float32 in any case.
    """
    parameters = run.config["parameters"]
    tokenizer = BertTokenizer(load_vocabulary(run.vocabulary_path), run.config["lowercase"])
    if run.config["task"] == "imdb":
        labels = run.config["labels"]
        names = TWO_LABELS if labels == FOLDERS else labels
        text = parameters["max_seq_length"], run.vocabulary_path, names
        if len(labels) > 2:
            class_logits = (
                _keras_class_logits(run) if through_keras else _frozen_class_logits(run, dtype)
            )
            return TextClassifier(tokenizer, class_logits, *text)
        review_logit = (
            _keras_review_logit(run) if through_keras else _frozen_review_logit(run, dtype)
        )
        return Sentiment(tokenizer, review_logit, *text)
    rules = AnswerRules(
        max_seq_length=parameters["max_seq_length"],
        doc_stride=parameters["doc_stride"],
        max_query_length=parameters["max_query_length"],
        null_score_diff_threshold=null_score_diff_threshold,
    )
    logits = _keras_span_logits(run) if through_keras else _frozen_span_logits(run, dtype)
    return QuestionAnswering(tokenizer, logits, rules, run.vocabulary_path)


def _weights(run: Run) -> dict[str, np.ndarray]:
    return {variable.path: np.asarray(variable.value) for variable in run.model.weights}


def _encoder(run: Run, weights: dict[str, np.ndarray], dtype: str) -> FrozenBert:
    backbone = run.config["backbone"]
    return FrozenBert(weights, backbone["num_layers"], backbone["num_heads"], dtype)


def _frozen_review_logit(run: Run, dtype: str) -> ReviewLogit:
    logits = _frozen_pooled_logits(run, "review_logit", dtype)
    return lambda *inputs: logits(*inputs)[:, 0]


def _frozen_class_logits(run: Run, dtype: str) -> ClassLogits:
    return _frozen_pooled_logits(run, "class_logits", dtype)


def _frozen_pooled_logits(run: Run, head: str, dtype: str) -> ClassLogits:
    """The logits of a head on the pooled output, float32[batch, n]."""
    weights = _weights(run)
    encoder = _encoder(run, weights, dtype)

    def dense(inputs, name):
        return tf.matmul(inputs, weights[f"{name}/kernel"]) + weights[f"{name}/bias"]

    def logits(*inputs):
        first = tf.cast(encoder.first_token(*inputs), tf.float32)
        return dense(tf.tanh(dense(first, "pooled_dense")), head)

    return logits


def _frozen_span_logits(run: Run, dtype: str) -> SpanLogits:
    weights = _weights(run)
    encoder = _encoder(run, weights, dtype)

    def span_logits(*inputs):
        hidden = tf.cast(encoder(*inputs), tf.float32)
        logits = tf.tensordot(hidden, weights["span_logits/kernel"], 1)
        logits = tf.transpose(logits + weights["span_logits/bias"], [2, 0, 1])
        return tuple(tf.unstack(logits, num=2))

    return span_logits


def _keras_review_logit(run: Run) -> ReviewLogit:
    return lambda *inputs: run.model(_keras_inputs(*inputs), training=False)["logit"]


def _keras_class_logits(run: Run) -> ClassLogits:
    return lambda *inputs: run.model(_keras_inputs(*inputs), training=False)["logits"]


def _keras_span_logits(run: Run) -> SpanLogits:
    def span_logits(*inputs):
        outputs = run.model(_keras_inputs(*inputs), training=False)
        return outputs["start_logits"], outputs["end_logits"]

    return span_logits


def _keras_inputs(token_ids, segment_ids, lengths):
    mask = tf.sequence_mask(lengths, tf.shape(token_ids)[1], tf.int32)
    return {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": mask}
