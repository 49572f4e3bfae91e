"""The two models: a review classifier and a span model, each a head on a BERT backbone."""

from trainer.tensorflow_keras import keras

INPUTS = ("token_ids", "segment_ids", "padding_mask")
INITIALIZER_STDDEV = 0.02  # Devlin et al. 2018: google-research/bert, initializer_range


def review_classifier(backbone: keras.Model, dropout: float = 0.1) -> keras.Model:
    """Adds a sentiment head to a BERT backbone (Devlin et al. 2018, section 4.1).

    Args:
        backbone: takes token_ids, segment_ids, padding_mask, each int32[batch, sequence]; gives
            "pooled_output", float[batch, hidden].
        dropout: probability of zeroing a hidden unit, in training only.

    Returns:
        A model with the backbone's inputs and the output "logit", float32[batch]; its sigmoid
        is the probability of the positive class.
    """
    hidden = keras.layers.Dropout(dropout, name="head_dropout")(backbone.output["pooled_output"])
    logits = keras.layers.Dense(
        1, kernel_initializer=_initializer(), dtype="float32", name="review_logit"
    )(hidden)  # [batch, 1]
    return keras.Model(backbone.input, {"logit": logits[:, 0]}, name="review_classifier")


def span_model(backbone: keras.Model, dropout: float = 0.1) -> keras.Model:
    """Adds a start/end head to a BERT backbone (Devlin et al. 2018, section 4.2).

    Args:
        backbone: takes token_ids, segment_ids, padding_mask, each int32[batch, sequence]; gives
            "sequence_output", float[batch, sequence, hidden].
        dropout: probability of zeroing a hidden unit, in training only.

    Returns:
        A model with the backbone's inputs and the outputs "start_logits" and "end_logits", each
        float32[batch, sequence]. Padding is not masked here.
    """
    hidden = keras.layers.Dropout(dropout, name="head_dropout")(backbone.output["sequence_output"])
    logits = keras.layers.Dense(
        2, kernel_initializer=_initializer(), dtype="float32", name="span_logits"
    )(hidden)
    start_logits, end_logits = logits[..., 0], logits[..., 1]
    outputs = {"start_logits": start_logits, "end_logits": end_logits}
    return keras.Model(backbone.input, outputs, name="span_model")


def task_model(task: str, backbone: keras.Model, dropout: float = 0.1) -> keras.Model:
    """The model of a task: `review_classifier` for "imdb", `span_model` for "squad"."""
    return {"imdb": review_classifier, "squad": span_model}[task](backbone, dropout)


def _initializer() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=INITIALIZER_STDDEV)
