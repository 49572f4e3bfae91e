"""The models: classifiers of two labels and of more, and a span model, heads on a backbone."""

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


def text_classifier(backbone: keras.Model, classes: int, dropout: float = 0.1) -> keras.Model:
    """Adds a head for more than two labels to a BERT backbone (Devlin et al. 2018, section 4.1).

    Args:
        backbone: as for `review_classifier`.
        classes: the number of labels.
        dropout: probability of zeroing a hidden unit, in training only.

    Returns:
        A model with the backbone's inputs and the output "logits", float32[batch, classes]; their
        softmax is the probability of each label.
    """
    hidden = keras.layers.Dropout(dropout, name="head_dropout")(backbone.output["pooled_output"])
    logits = keras.layers.Dense(
        classes, kernel_initializer=_initializer(), dtype="float32", name="class_logits"
    )(hidden)
    return keras.Model(backbone.input, {"logits": logits}, name="text_classifier")


def span_model(backbone: keras.Model) -> keras.Model:
    """Adds a start/end head to a BERT backbone (Devlin et al. 2018, section 4.2).

    As in `run_squad.py` there is no dropout before the head.

    Args:
        backbone: takes token_ids, segment_ids, padding_mask, each int32[batch, sequence]; gives
            "sequence_output", float[batch, sequence, hidden].

    Returns:
        A model with the backbone's inputs and the outputs "start_logits" and "end_logits", each
        float32[batch, sequence]. Padding is not masked here.
    """
    logits = keras.layers.Dense(
        2, kernel_initializer=_initializer(), dtype="float32", name="span_logits"
    )(backbone.output["sequence_output"])
    start_logits, end_logits = logits[..., 0], logits[..., 1]
    outputs = {"start_logits": start_logits, "end_logits": end_logits}
    return keras.Model(backbone.input, outputs, name="span_model")


def task_model(
    task: str, backbone: keras.Model, dropout: float = 0.1, classes: int = 2
) -> keras.Model:
    """The model of a task.

    Returns:
        `span_model` for "squad"; for "imdb" `review_classifier`, or `text_classifier` with more
        than two classes.
    """
    if task == "squad":
        return span_model(backbone)
    if classes > 2:
        return text_classifier(backbone, classes, dropout)
    return review_classifier(backbone, dropout)


def _initializer() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=INITIALIZER_STDDEV)
