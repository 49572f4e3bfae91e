"""The logits of a span model, noted as they come out of the encoder, for others to use the same."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

    from serving.signatures import SpanLogits


class LogitNotes:
    """The logits of windows by their tokens, as they come out of the encoder."""

    def __init__(self) -> None:
        self._of_window: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        self.used: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._of_window)

    def forget(self) -> None:
        """Starts the next request."""
        self._of_window.clear()
        self.used.clear()

    def noting(self, model: "SpanLogits") -> "SpanLogits":
        """The model, with a note of each of its logits."""
        import tensorflow as tf

        def span_logits(token_ids, segment_ids, lengths):
            logits = model(token_ids, segment_ids, lengths)
            inputs = [token_ids, lengths, *logits]
            noted = tf.numpy_function(self._note, inputs, [tf.float32, tf.float32])
            return tuple(_like(logit, token_ids) for logit in noted)

        return span_logits

    def recalling(self) -> "SpanLogits":
        """A model that only knows what was noted."""
        import tensorflow as tf

        def span_logits(token_ids, segment_ids, lengths):
            inputs = [token_ids, lengths]
            recalled = tf.numpy_function(self._recall, inputs, [tf.float32, tf.float32])
            return tuple(_like(logit, token_ids) for logit in recalled)

        return span_logits

    def of(self, token_ids: Sequence[int]) -> tuple[list[float], list[float]]:
        """Start and end logits of one window, as Python floats."""
        key = np.asarray(token_ids, np.int32).tobytes()
        self.used.add(key)
        starts, ends = self._of_window[key]
        return starts.tolist(), ends.tolist()

    def _note(self, token_ids, lengths, starts, ends):
        for row, length in enumerate(lengths):
            key = token_ids[row, :length].tobytes()
            self._of_window[key] = starts[row, :length].copy(), ends[row, :length].copy()
        return starts, ends

    def _recall(self, token_ids, lengths):
        logits = np.zeros((2, *token_ids.shape), np.float32)
        for row, length in enumerate(lengths):
            logits[:, row, :length] = self._of_window[token_ids[row, :length].tobytes()]
        return logits[0], logits[1]


def _like(logit: "tf.Tensor", token_ids: "tf.Tensor") -> "tf.Tensor":
    logit.set_shape(token_ids.shape)
    return logit
