"""Memory that is not enough: told before the first step where it can be, and what to lower."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.hardware import memory_limit_mib
from trainer.input_pipeline import Sharding

logger = logging.getLogger(__name__)

USUAL_MEMORY = 2.5  # times `least_memory_mib`: measured in float32 and bfloat16


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
