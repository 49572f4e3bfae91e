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
    """
    parameters = run.config["parameters"]
    tokenizer = BertTokenizer(load_vocabulary(run.vocabulary_path), run.config["lowercase"])
    if run.config["task"] == "imdb":
        labels = run.config["labels"]
        names = TWO_LABELS if labels == FOLDERS else labels
        text = parameters["max_seq_length"], run.vocabulary_path, names
        if len(labels) > 2:
            logits = _keras_class_logits(run) if through_keras else _frozen_class_logits(run, dtype)
            return TextClassifier(tokenizer, logits, *text)
        logit = _keras_review_logit(run) if through_keras else _frozen_review_logit(run, dtype)
        return Sentiment(tokenizer, logit, *text)
    rules = AnswerRules(
        max_seq_length=parameters["max_seq_length"],
        doc_stride=parameters["doc_stride"],
        max_query_length=parameters["max_query_length"],
        null_score_diff_threshold=null_score_diff_threshold,
    )
    spans = _keras_span_logits(run) if through_keras else _frozen_span_logits(run, dtype)
    return QuestionAnswering(tokenizer, spans, rules, run.vocabulary_path)


def _weights(run: Run, dtype: str) -> dict[str, np.ndarray]:
    """Variable path -> value, float32; rounded to what the dtype can hold."""
    values = {variable.path: np.asarray(variable.value) for variable in run.model.weights}
    return {path: value.astype(dtype).astype("float32") for path, value in values.items()}


def _encoder(run: Run, weights: dict[str, np.ndarray]) -> FrozenBert:
    backbone = run.config["backbone"]
    return FrozenBert(weights, backbone["num_layers"], backbone["num_heads"])


def _frozen_review_logit(run: Run, dtype: str) -> ReviewLogit:
    logits = _frozen_pooled_logits(run, "review_logit", dtype)
    return lambda *inputs: logits(*inputs)[:, 0]


def _frozen_class_logits(run: Run, dtype: str) -> ClassLogits:
    return _frozen_pooled_logits(run, "class_logits", dtype)


def _frozen_pooled_logits(run: Run, head: str, dtype: str) -> ClassLogits:
    """The logits of a head on the pooled output, float32[batch, n]."""
    weights = _weights(run, dtype)
    encoder = _encoder(run, weights)

    def logits(token_ids, segment_ids, lengths):
        first = encoder(token_ids, segment_ids, lengths)[:, 0]
        pooled = tf.tanh(
            tf.matmul(first, weights["pooled_dense/kernel"]) + weights["pooled_dense/bias"]
        )
        return tf.matmul(pooled, weights[f"{head}/kernel"]) + weights[f"{head}/bias"]

    return logits


def _frozen_span_logits(run: Run, dtype: str) -> SpanLogits:
    weights = _weights(run, dtype)
    encoder = _encoder(run, weights)

    def span_logits(token_ids, segment_ids, lengths):
        hidden = encoder(token_ids, segment_ids, lengths)
        logits = tf.einsum("bsh,hk->kbs", hidden, tf.constant(weights["span_logits/kernel"]))
        start_logits, end_logits = tf.unstack(logits, num=2)
        start_bias, end_bias = weights["span_logits/bias"]
        return start_logits + start_bias, end_logits + end_bias

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
