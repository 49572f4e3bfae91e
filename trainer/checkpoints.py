"""Checkpoints: everything that decides how a run goes on."""

import pathlib
from collections.abc import Iterable, Mapping

import tensorflow as tf

from preprocessing.errors import InputError
from trainer.tensorflow_keras import keras

CHECKPOINT_DIR = "checkpoints"
KEPT = 2  # the second is there when the last was cut short by a full disk


class Place(tf.Module):
    """How far a run is: saved with the weights.

    Attributes:
        epoch: finished epochs, int64.
        step: steps done in the epoch that is under way, int64.
        seconds: spent in that epoch, float64.
        sums: what was counted in that epoch, name -> float64.
    """

    def __init__(self, names: Iterable[str]):
        super().__init__()
        self.epoch = _counter(tf.int64)
        self.step = _counter(tf.int64)
        self.seconds = _counter(tf.float64)
        self.sums = {name: _counter(tf.float64) for name in names}

    def advance(self, sums: Mapping[str, float]) -> None:
        """Counts one step."""
        self.step.assign_add(1)
        for name, value in sums.items():
            self.sums[name].assign_add(value)

    def start_epoch(self, epoch: int) -> None:
        """Sets everything to the start of an epoch."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))
        self.epoch.assign(epoch)


def _counter(dtype: tf.DType) -> tf.Variable:
    return tf.Variable(tf.zeros([], dtype), trainable=False)


class Checkpoints:
    """The checkpoints of a run directory.

    Tracks the real `tf.Variable`s: a tracked Keras 3 variable would be saved as nothing. The
    model's include the state of the dropout's random numbers.

    Args:
        run_dir: of the run.
        model: all its variables are saved.
        optimizer: all its variables are saved, with its count of steps.
        place: is saved.
    """

    def __init__(
        self,
        run_dir: pathlib.Path,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        place: Place,
    ):
        checkpoint = tf.train.Checkpoint(
            model=[variable.value for variable in model.variables],
            optimizer=[variable.value for variable in optimizer.variables],
            place=place,
        )
        self._folder = run_dir / CHECKPOINT_DIR
        self._checkpoint = checkpoint
        self._manager = tf.train.CheckpointManager(checkpoint, str(self._folder), KEPT)

    def restore(self) -> bool:
        """Goes back to the last checkpoint; False when there is none.

        Raises:
            InputError: the checkpoint is broken or of another model.
        """
        latest = self._manager.latest_checkpoint
        if latest is None:
            return False
        try:
            self._checkpoint.restore(latest).assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"{latest}: the checkpoint cannot be restored ({reason}). Give --overwrite to "
                "train anew."
            ) from error
        return True

    def save(self) -> None:
        """Writes a checkpoint and removes the oldest."""
        self._manager.save()
