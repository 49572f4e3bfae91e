"""Losses and counts of a batch, per task, as sums that add up over batches and replicas."""

from collections.abc import Mapping

import tensorflow as tf

from trainer.fine_tuning import Objective
from trainer.spans import N_BEST

MASKED_LOGIT = -1e9  # exp() of it is 0 in float32
# Counted per batch besides what all tasks count; history.jsonl gives each as a share.
COUNTS: Mapping[str, tuple[str, ...]] = {
    "imdb": ("accuracy",),
    "squad": ("start_accuracy", "end_accuracy"),
}


def sentiment_loss(logit: tf.Tensor, label: tf.Tensor, label_smoothing: float = 0.0) -> tf.Tensor:
    """Binary cross-entropy in nats of each review.

    Args:
        logit: float32[batch].
        label: int32[batch], 1 positive, 0 negative.
        label_smoothing: see `Objective`.

    Returns:
        float32[batch].
    """
    target = tf.cast(label, tf.float32) * (1.0 - label_smoothing) + label_smoothing / 2.0
    return tf.nn.sigmoid_cross_entropy_with_logits(target, logit)


def class_loss(logits: tf.Tensor, label: tf.Tensor, label_smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy in nats of each text over all classes.

    Args:
        logits: float32[batch, classes].
        label: int32[batch].
        label_smoothing: see `Objective`.

    Returns:
        float32[batch].
    """
    classes = logits.shape[-1]
    target = tf.one_hot(label, classes) * (1.0 - label_smoothing) + label_smoothing / classes
    return tf.nn.softmax_cross_entropy_with_logits(target, logits)


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
    objective: Objective, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Measures the outputs for a replica's share of a batch.

    Args:
        objective: what the loss is of.
        outputs: of the model that `models.task_model` makes.
        batch: as `input_pipeline` makes it, with "weight" float32[batch]: one over the number of
            rows in the global batch, 0 for filling.

    Returns:
        The replica's part of the loss, whose sum over replicas is the global batch's mean; and
        the sums "loss", "examples", "tokens" and `COUNTS[task]` over the replica's rows, with
        "padding", all tokens of its batch that are not theirs, float32 scalars.
    """
    measure = _text_rows if objective.task == "imdb" else _span_rows
    losses, hits = measure(objective, outputs, batch)
    real = tf.cast(batch["weight"] > 0, tf.float32)
    sums = {"loss": tf.reduce_sum(losses * real), "examples": tf.reduce_sum(real)}
    mask = tf.cast(batch["padding_mask"], tf.float32) * real[:, None]
    sums |= {"tokens": tf.reduce_sum(mask), "padding": tf.reduce_sum(1.0 - mask)}
    for name, hit in zip(COUNTS[objective.task], hits, strict=True):
        sums[name] = tf.reduce_sum(tf.cast(hit, tf.float32) * real)
    return tf.reduce_sum(losses * batch["weight"]), sums


def row_predictions(
    outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """What the figures over a whole split are made of.

    Args:
        outputs: of the model that `models.task_model` makes.
        batch: as `input_pipeline` makes it.

    Returns:
        "row" of the batch, and for texts "label" int32[batch], the predicted one; for windows
        the best "starts" and "ends", int32[batch, 20], with their logits, "start_values" and
        "end_values", float32[batch, 20], and "null" float32[batch, 2], the logits of `[CLS]`.
    """
    row = batch["row"]
    if "start_logits" not in outputs:
        return {"row": row, "label": predicted_label(outputs)}
    start_values, starts = _best_places(outputs["start_logits"], batch["padding_mask"])
    end_values, ends = _best_places(outputs["end_logits"], batch["padding_mask"])
    null = tf.stack([outputs["start_logits"][:, 0], outputs["end_logits"][:, 0]], axis=1)
    return {
        "row": row,
        "starts": starts,
        "ends": ends,
        "start_values": start_values,
        "end_values": end_values,
        "null": null,
    }


def predicted_label(outputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The likeliest label of each text, int32[batch]; of two equal ones the first."""
    if "logits" in outputs:
        return tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
    return tf.cast(outputs["logit"] > 0, tf.int32)


def _best_places(logits: tf.Tensor, padding_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The best 20 logits of each row and their places; of equals the first, as run_squad.py."""
    masked = mask_padding(logits, padding_mask)
    wide = tf.pad(masked, [[0, 0], [0, N_BEST]], constant_values=MASKED_LOGIT)
    values, places = tf.math.top_k(wide, N_BEST)
    return values, places


def _text_rows(
    objective: Objective, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    label = batch["label"]
    if "logits" in outputs:
        losses = class_loss(outputs["logits"], label, objective.label_smoothing)
    else:
        losses = sentiment_loss(outputs["logit"], label, objective.label_smoothing)
    if objective.class_weights:
        losses *= tf.gather(tf.constant(objective.class_weights, tf.float32), label)
    return losses, [predicted_label(outputs) == label]


def _span_rows(
    objective: Objective, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
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
