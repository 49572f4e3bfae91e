"""What ends a run in its middle: memory that is not enough, numbers that are not finite."""

import contextlib
import dataclasses
import logging
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import tensorflow as tf

from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.hardware import memory_limit_mib
from trainer.input_pipeline import Sharding
from trainer.optimizer import LEAST_LOSS_SCALE

logger = logging.getLogger(__name__)

USUAL_MEMORY = 2.5  # times `least_memory_mib`: measured in float32 and bfloat16
MOST_OVERFLOWS = 5  # steps in a row, at the least loss scale


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchSize:
    """The largest micro-batch that a machine computes at once.

    Attributes:
        rows: its examples.
        length: tokens that each is padded to.
        replicas: of all machines, that share the global batch.
    """

    rows: int
    length: int
    replicas: int


def largest_batch(
    plan: Sequence[np.ndarray], lengths: np.ndarray, sharding: Sharding, local_replicas: int
) -> BatchSize:
    """The size of the micro-batch with the most tokens.

    Args:
        plan: of an epoch, as `input_pipeline.epoch_plan` makes it.
        lengths: int[rows], the tokens of each row.
        sharding: of the plan.
        local_replicas: of this machine.
    """
    shapes = [
        sharding.shape(part, len(rows), lengths) for rows in plan for part in sharding.parts(rows)
    ]
    rows, length = max(shapes, key=lambda shape: shape[0] * shape[1])
    return BatchSize(rows=rows * local_replicas, length=length, replicas=sharding.replicas)


def check_memory(config: TrainConfig, size: BatchSize, architecture: Mapping[str, Any]) -> None:
    """Stops before a batch that cannot fit into the memory of a CPU, warns of one that may not.

    TensorFlow takes no more than there is, and its oneDNN kernels end in a segmentation fault
    when they get none (tensorflow issue 108621).

    Args:
        config: of the run.
        size: of the largest batch.
        architecture: of the encoder, as `presets.architecture_of` gives it.

    Raises:
        InputError: even `least_memory_mib` is more than the limit.
    """
    if any(tf.config.list_logical_devices(kind) for kind in ("GPU", "TPU")):
        return
    least, limit = least_memory_mib(config, size, architecture), memory_limit_mib()
    what = f"GiB of memory, of {limit / 1024:,.1f}, {_what_to_lower(config, size)}"
    if least > limit:
        raise InputError(f"a step takes more than {least / 1024:,.1f} {what}")
    if least * USUAL_MEMORY > limit:
        about = least * USUAL_MEMORY / 1024
        logger.warning(
            f"a step takes about {about:,.1f} {what} The system may end the run without a word."
        )


def least_memory_mib(
    config: TrainConfig, size: BatchSize, architecture: Mapping[str, Any]
) -> float:
    """A lower bound of what a step of training keeps, in MiB.

    Of each layer that is trained the feed-forward network's inner values and four of the hidden
    ones, of one layer the attention scores. A frozen encoder keeps those of one layer, and a
    classifier's last layer is computed for the first token alone.
    """
    trained = 1 if config.freeze_encoder else config.trainable_layers
    layers = architecture["num_layers"] - (config.task == "imdb")
    layers = layers if trained is None else min(layers, trained)
    of_token = layers * (architecture["intermediate_dim"] + 4 * architecture["hidden_dim"])
    scores = min(layers, 1) * architecture["num_heads"] * size.length
    number = 4 if config.precision == "float32" else 2  # bytes
    return size.rows * size.length * (of_token + scores) * number / 2**20


@contextlib.contextmanager
def memory_errors(config: TrainConfig, size: BatchSize | None = None) -> Iterator[None]:
    """Tells what to lower when memory runs out inside.

    Args:
        config: of the run.
        size: of the largest batch; None while data and model are loaded.

    Raises:
        InputError: for a MemoryError or TensorFlow's ResourceExhaustedError.
    """
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        text = f"out of memory ({_reason(error)}) "
        raise InputError(text + _what_to_lower(config, size)) from error


def _what_to_lower(config: TrainConfig, size: BatchSize | None) -> str:
    if size is None:
        return (
            f"while --data_dir {config.data_dir} and --preset {config.preset} were loaded. Give a "
            "smaller --preset, or a data set with fewer records."
        )
    precision = "--precision bfloat16, " if config.precision == "float32" else ""
    return (
        f"with {size.rows} examples of {size.length} tokens at once (--global_batch_size "
        f"{config.global_batch_size} over {size.replicas} replicas) and --precision "
        f"{config.precision}. Give a higher --accumulation_steps, a lower --global_batch_size, "
        f"{precision}a smaller --preset, or records of a smaller --max_seq_length. A run that has "
        "begun takes another value only with --overwrite."
    )


def _reason(error: BaseException) -> str:
    """The line that names the tensor, of the many that TensorFlow gives."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    of_tensor = [line for line in lines if "allocat" in line]
    return (of_tensor or lines or [type(error).__name__])[0][:200]


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
