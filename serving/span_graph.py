"""Where answers may start and end in each window, inside the graph.

The rules are those of `write_predictions` in google-research/bert's `run_squad.py`: the 20 best
starts and ends of each window, inside its context, and starts only where the window is the
token's `is_max_context` one.
"""

from typing import NamedTuple

import tensorflow as tf

from serving.window_graph import Windows
from trainer.spans import N_BEST

NEVER = -1e30  # a logit below that of any token


class Places(NamedTuple):
    """The best starts and ends of windows, the best first; null_score is one per window."""

    start_logit: tf.Tensor  # float32[windows, 20]
    start: tf.Tensor  # int32[windows, 20]: a token of the context; -1 where none may start
    end_logit: tf.Tensor  # float32[windows, 20]
    end: tf.Tensor  # int32[windows, 20]: the answer's last token; -1 where none may end
    null_score: tf.Tensor  # float64[windows]: start plus end logit of [CLS]


PLACES = Places(
    start_logit=tf.TensorSpec([N_BEST], tf.float32),
    start=tf.TensorSpec([N_BEST], tf.int32),
    end_logit=tf.TensorSpec([N_BEST], tf.float32),
    end=tf.TensorSpec([N_BEST], tf.int32),
    null_score=tf.TensorSpec([], tf.float64),
)


def best_places(windows: Windows, start_logits: tf.Tensor, end_logits: tf.Tensor) -> Places:
    """The 20 best starts and ends of each window.

    Args:
        windows: of the logits.
        start_logits: float32[windows, sequence]; those of padding take no place among the 20.
        end_logits: float32[windows, sequence].
    """
    start_logit, start = _best_tokens(windows, start_logits)
    end_logit, end = _best_tokens(windows, end_logits)
    start = tf.where(_is_max_context(windows, start), start, -1)
    first = windows.first_token[:, tf.newaxis]
    return Places(
        start_logit=start_logit,
        start=tf.where(start < 0, -1, first + start),
        end_logit=end_logit,
        end=tf.where(end < 0, -1, first + end),
        null_score=double(start_logits[:, 0]) + double(end_logits[:, 0]),
    )


def _best_tokens(windows: Windows, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The 20 highest logits, of equals the first ones, and their places in the window's context.

    Returns:
        float32[windows, 20], and int32[windows, 20], -1 for tokens that are not of the context.
    """
    is_token = tf.sequence_mask(windows.lengths, tf.shape(logits)[1])
    logits = tf.where(is_token, logits, NEVER)
    logits = tf.pad(logits, [[0, 0], [0, N_BEST]], constant_values=NEVER)
    values, indices = tf.math.top_k(logits, N_BEST)
    place = indices - windows.context_offset[:, tf.newaxis]
    in_context = (place >= 0) & (place < windows.num_context_tokens[:, tf.newaxis])
    return values, tf.where(in_context, place, -1)


def _is_max_context(windows: Windows, place: tf.Tensor) -> tf.Tensor:
    """Whether no other window of the question shows a token with more context.

    A window's score is the least number of tokens to the left or right, plus 0.01 per token of
    its context; of equals the first window counts.

    Args:
        windows: of the tokens.
        place: int32[windows, k], in the window's context.

    Returns:
        bool[windows, k]; without meaning where `place` is not in the window.
    """
    overlap = tf.minimum((windows.room - 1) // windows.step, windows.count - 1)
    reach = tf.reduce_max(overlap)  # of how many windows before and after show the same token
    distance = tf.range(-reach, reach + 1)
    other = windows.number[:, tf.newaxis] + distance  # [windows, distances]
    count = windows.count[:, tf.newaxis]
    room, last_length = windows.room[:, tf.newaxis], windows.last_length[:, tf.newaxis]
    length = tf.where(other == count - 1, last_length, room)
    length = tf.where((other >= 0) & (other < count), length, 0)[:, tf.newaxis]
    in_other = place[:, :, tf.newaxis] - (distance * windows.step[:, tf.newaxis])[:, tf.newaxis]
    shown = (in_other >= 0) & (in_other < length)  # [windows, k, distances]
    score = _context_score(in_other, length)
    own = _context_score(place, windows.num_context_tokens[:, tf.newaxis])[:, :, tf.newaxis]
    better = (score > own) | ((distance < 0) & (score == own))
    return ~tf.reduce_any(shown & better, axis=2)


def _context_score(place: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    return double(tf.minimum(place, length - 1 - place)) + 0.01 * double(length)


def double(values: tf.Tensor) -> tf.Tensor:
    """Python's float, in which `run_squad.py` adds."""
    return tf.cast(values, tf.float64)
