"""Numbers that are not finite: a run stops there, and keeps its last good checkpoint."""

import dataclasses
import math
import pathlib
from collections.abc import Sequence
from typing import NoReturn

import tensorflow as tf

from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.optimizer import LEAST_LOSS_SCALE

MOST_OVERFLOWS = 5  # steps in a row, at the least loss scale


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepPlace:
    """A step of a run, for people.

    Attributes:
        epoch: from 1.
        step: in the epoch, from 1.
        saved: the steps of the run, from its start, that the last checkpoint knows; None without.
        checkpoints: the folder of the checkpoints.
    """

    epoch: int
    step: int
    saved: int | None
    checkpoints: pathlib.Path


class LossCheck:
    """Stops a run whose loss or gradient is not finite.

    Args:
        config: of the run.
    """

    def __init__(self, config: TrainConfig):
        self._config, self._overflows = config, 0

    def counts(
        self, loss: float, gradient_norm: float, place: StepPlace, loss_scale: float | None = None
    ) -> bool:
        """Whether a step's loss belongs into the mean of the epoch.

        Args:
            loss: the step's mean.
            gradient_norm: of the step, without the scale.
            place: of the step.
            loss_scale: of float16, that the step had; None in the other precisions. With one, a
                step whose gradient overflows leaves the weights as they are and lowers it.

        Raises:
            InputError: one of them is not finite, and no lower scale can help.
        """
        if math.isfinite(loss) and math.isfinite(gradient_norm):
            self._overflows = 0
            return True
        what = f"the loss is {loss}"
        if math.isfinite(loss):
            what = f"the norm of the gradient is {gradient_norm}"
        if loss_scale is None:
            self._stop(what, place)
        self._overflows = self._overflows + 1 if loss_scale <= LEAST_LOSS_SCALE else 0
        if self._overflows >= MOST_OVERFLOWS:
            self._stop(f"{what}, as in the {MOST_OVERFLOWS - 1} steps before it", place)
        return math.isfinite(loss)

    def _stop(self, what: str, place: StepPlace) -> NoReturn:
        config = self._config
        other = "" if config.precision == "float32" else ", or --precision float32"
        raise InputError(
            f"{what} at step {place.step} of epoch {place.epoch}. {_kept(place)} Try a "
            f"smaller --learning_rate than {config.learning_rate:g}, a larger --warmup_fraction "
            f"than {config.warmup_fraction:g}{other}, in another --output_dir or with --overwrite."
        )


def check_weights(variables: Sequence[tf.Variable], place: StepPlace) -> None:
    """Stops before weights that are not finite take the place of a good checkpoint.

    Raises:
        InputError: a variable has a number that is not finite.
    """
    for variable in variables:
        if not bool(tf.reduce_all(tf.math.is_finite(variable))):
            raise InputError(
                f"the weights {variable.name} are not finite after step {place.step} of epoch "
                f"{place.epoch}: they are not saved. {_kept(place)} Try a smaller --learning_rate, "
                "in another --output_dir or with --overwrite."
            )


def check_evaluation(split: str, loss: float, epoch: int) -> None:
    """Stops before an epoch without figures goes to the history.

    Raises:
        InputError: the loss over a split is not finite.
    """
    if not math.isfinite(loss):
        raise InputError(
            f"the loss over {split} is {loss} after epoch {epoch}, although the weights are "
            "finite: a number overflows. Try --precision float32 or a smaller --learning_rate, in "
            "another --output_dir or with --overwrite."
        )


def _kept(place: StepPlace) -> str:
    if place.saved is None:
        return "There is no checkpoint yet."
    return f"The checkpoint after {place.saved} steps of the run is kept in {place.checkpoints}."
