"""Losses and counts of a batch, per task, as sums that add up over batches and replicas."""

from collections.abc import Mapping

import tensorflow as tf

MASKED_LOGIT = -1e9  # exp() of it is 0 in float32
# Counted per batch besides "loss" and "examples"; history.jsonl gives each as a share.
COUNTS: Mapping[str, tuple[str, ...]] = {
    "imdb": ("accuracy",),
    "squad": ("start_accuracy", "end_accuracy"),
}


def sentiment_loss(logit: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy in nats of each review.

    Args:
        logit: float32[batch].
        label: int32[batch], 1 positive, 0 negative.

    Returns:
        float32[batch].
    """
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(label, tf.float32), logit)


def span_loss(
    start_logits: tf.Tensor,
    end_logits: tf.Tensor,
    start_token: tf.Tensor,
    end_token: tf.Tensor,
    padding_mask: tf.Tensor,
) -> tf.Tensor:
    """Mean of the start's and the end's cross-entropy in nats (run_squad.py), per window.

    Args:
        start_logits: float32[batch, sequence].
        end_logits: float32[batch, sequence].
        start_token: int32[batch], the index of the answer's first token.
        end_token: int32[batch], inclusive.
        padding_mask: int32[batch, sequence]; positions that are 0 get no probability.

    Returns:
        float32[batch].
    """
    start, end = (
        tf.nn.sparse_softmax_cross_entropy_with_logits(token, mask_padding(logits, padding_mask))
        for logits, token in ((start_logits, start_token), (end_logits, end_token))
    )
    return (start + end) / 2.0


def mask_padding(logits: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """Replaces the logits, float32[batch, sequence], where the mask is 0 by `MASKED_LOGIT`."""
    return tf.where(padding_mask > 0, logits, MASKED_LOGIT)


def batch_loss_and_sums(
    task: str, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Measures the outputs for a replica's share of a batch.

    Args:
        task: "imdb" or "squad".
        outputs: of the model that `models.task_model` makes.
        batch: as `input_pipeline` makes it, with "weight" float32[batch]: one over the number of
            rows in the global batch, 0 for filling.

    Returns:
        The replica's part of the loss, whose sum over replicas is the global batch's mean; and
        the sums "loss", "examples" and `COUNTS[task]` over the replica's rows, float32 scalars.
    """
    losses, hits = _ROWS[task](outputs, batch)
    real = tf.cast(batch["weight"] > 0, tf.float32)
    sums = {"loss": tf.reduce_sum(losses * real), "examples": tf.reduce_sum(real)}
    for name, hit in zip(COUNTS[task], hits, strict=True):
        sums[name] = tf.reduce_sum(tf.cast(hit, tf.float32) * real)
    return tf.reduce_sum(losses * batch["weight"]), sums


def _sentiment_rows(
    outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    hit = (outputs["logit"] > 0) == (batch["label"] > 0)
    return sentiment_loss(outputs["logit"], batch["label"]), [hit]


def _span_rows(
    outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    start_logits, end_logits = outputs["start_logits"], outputs["end_logits"]
    hits = [
        tf.argmax(mask_padding(logits, batch["padding_mask"]), axis=-1, output_type=tf.int32)
        == batch[field]
        for logits, field in ((start_logits, "start_token"), (end_logits, "end_token"))
    ]
    losses = span_loss(
        start_logits, end_logits, batch["start_token"], batch["end_token"], batch["padding_mask"]
    )
    return losses, hits


_ROWS = {"imdb": _sentiment_rows, "squad": _span_rows}
