"""A finished run as the functions that the signatures call: frozen, or through Keras."""

import numpy as np
import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from preprocessing.vocabulary import load_vocabulary
from serving.encoder import FrozenBert
from serving.signatures import (
    AnswerRules,
    QuestionAnswering,
    ReviewLogit,
    Sentiment,
    SpanLogits,
)
from trainer.run_dir import Run


def served_module(
    run: Run, null_score_diff_threshold: float | None, through_keras: bool = False
) -> Sentiment | QuestionAnswering:
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
        return Sentiment(
            tokenizer,
            _keras_review_logit(run) if through_keras else _frozen_review_logit(run),
            parameters["max_seq_length"],
            run.vocabulary_path,
        )
    rules = AnswerRules(
        max_seq_length=parameters["max_seq_length"],
        doc_stride=parameters["doc_stride"],
        max_query_length=parameters["max_query_length"],
        null_score_diff_threshold=null_score_diff_threshold,
    )
    logits = _keras_span_logits(run) if through_keras else _frozen_span_logits(run)
    return QuestionAnswering(tokenizer, logits, rules, run.vocabulary_path)


def _weights(run: Run) -> dict[str, np.ndarray]:
    return {variable.path: np.asarray(variable.value) for variable in run.model.weights}


def _encoder(run: Run, weights: dict[str, np.ndarray]) -> FrozenBert:
    backbone = run.config["backbone"]
    return FrozenBert(weights, backbone["num_layers"], backbone["num_heads"])


def _frozen_review_logit(run: Run) -> ReviewLogit:
    weights = _weights(run)
    encoder = _encoder(run, weights)

    def review_logit(token_ids, segment_ids, lengths):
        first = encoder(token_ids, segment_ids, lengths)[:, 0]
        pooled = tf.tanh(
            tf.matmul(first, weights["pooled_dense/kernel"]) + weights["pooled_dense/bias"]
        )
        logit = tf.matmul(pooled, weights["review_logit/kernel"]) + weights["review_logit/bias"]
        return logit[:, 0]

    return review_logit


def _frozen_span_logits(run: Run) -> SpanLogits:
    weights = _weights(run)
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


def _keras_span_logits(run: Run) -> SpanLogits:
    def span_logits(*inputs):
        outputs = run.model(_keras_inputs(*inputs), training=False)
        return outputs["start_logits"], outputs["end_logits"]

    return span_logits


def _keras_inputs(token_ids, segment_ids, lengths):
    mask = tf.sequence_mask(lengths, tf.shape(token_ids)[1], tf.int32)
    return {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": mask}
