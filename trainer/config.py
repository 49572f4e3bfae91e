"""One training run as plain values, checked once. Imports no TensorFlow."""

import dataclasses
import json
import math
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

from preprocessing.errors import InputError
from trainer.fine_tuning import check_fine_tuning, check_layer_decay
from trainer.options import at_least, between, check_options, option, option_of, share

CONFIG_FILE = "config.json"
# What run_dir.start_run writes there besides the fields.
RUN_FACTS = (
    "backbone",
    "vocabulary_sha256",
    "lowercase",
    "parameters",
    "data_digest",
    "has_unanswerable",
    "labels",
    "versions",
)
TASKS = ("imdb", "squad")
PRECISIONS = ("float32", "bfloat16", "float16")
STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")
LENGTHS = ("max_seq_length", "doc_stride", "max_query_length")  # of the preprocessing


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run; learning rate and batch size lie in the grid of Devlin et al. 2018, A.3.

    Each field is a flag of `python -m trainer` too; `option` says what it means.

    Raises:
        InputError: a value that cannot be right, named like its flag.
    """

    task: str = option("run", "what to learn", choices=TASKS)
    data_dir: str = option("run", "a data set of `python -m preprocessing`", shapes_result=False)
    output_dir: str = option("run", "the run directory", shapes_result=False)
    checkpoint_every_steps: int | None = option(
        "run", "besides the end of each epoch", None, check=at_least(1), shapes_result=False
    )
    keep_checkpoints: int = option(
        "run", "the last so many stay, and the best", 2, check=at_least(1), shapes_result=False
    )

    max_seq_length: int | None = option(
        "data",
        "tokens of a record that the data set must be made with; by default any",
        None,
        check=at_least(1),
        shapes_result=False,
    )
    doc_stride: int | None = option(
        "data", "the same, of squad", None, check=at_least(1), shapes_result=False
    )
    max_query_length: int | None = option(
        "data", "the same, of squad", None, check=at_least(1), shapes_result=False
    )
    max_train_records: int | None = option(
        "data", "train on the first ones only, for a trial", None, check=at_least(1)
    )

    preset: str | None = option(
        "model",
        "minilm (the fetched weights), a BERT of the keras-hub, hf://user/name, or a folder",
        "minilm",
    )
    preset_dir: str = option(
        "model", "where the fetched weights are", "data/presets", shapes_result=False
    )
    freeze_encoder: bool = option("model", "train only the head", False)
    trainable_layers: int | None = option(
        "model",
        "train only so many upper layers of the encoder, and the head",
        None,
        check=at_least(1),
    )
    dropout: float = option("model", "of the encoder and the head of texts", 0.1, check=share)

    label_smoothing: float = option(
        "model", "share of the target spread over all labels; not for squad", 0.0, check=share
    )
    class_weights: str | None = option(
        "model", "in the loss: balanced, or name=weight,...; not for squad", None
    )

    epochs: int = option("optimizer", "times to go through the data", 3, check=at_least(1))
    global_batch_size: int = option(
        "optimizer", "examples per step, over all replicas", 32, check=at_least(1)
    )
    accumulation_steps: int = option(
        "optimizer",
        "cut each batch into so many, computed one after the other: as much less memory, the "
        "same result",
        1,
        check=at_least(1),
    )
    learning_rate: float = option(
        "optimizer", "the peak, at the end of warm-up", 5e-5, check=between(0, 1, "5e-5")
    )
    warmup_fraction: float = option("optimizer", "share of all steps", 0.1, check=share)
    weight_decay: float = option(
        "optimizer",
        "not on biases and LayerNorm",
        0.01,
        check=between(0, 1, "0.01", low_included=True),
    )
    layer_decay: float = option(
        "optimizer",
        "each layer's learning rate is this times that of the layer above; the head's is whole",
        1.0,
        check=check_layer_decay,
    )
    clipping_norm: float = option(
        "optimizer",
        "the largest global norm of the gradient, 0 for any",
        1.0,
        check=between(0, float("inf"), "1", low_included=True),
    )
    seed: int = option(
        "optimizer",
        "of new weights, dropout and the order of the data",
        0,
        check=between(0, 2**31, "0", low_included=True),
    )

    best_metric: str | None = option(
        "optimizer",
        "by which epochs are compared, such as validation_loss; by default validation_accuracy "
        "for imdb, validation_f1 for squad, train_loss without validation data",
        None,
    )
    restore_best: bool = option(
        "optimizer", "finish with the weights of the best epoch instead of the last one's", False
    )
    early_stopping_patience: int | None = option(
        "optimizer",
        "stop after so many epochs without a better --best_metric, with the best epoch's weights",
        None,
        check=at_least(1),
    )
    min_delta: float = option(
        "optimizer",
        "what early stopping takes for better must be better by more than this",
        0.0,
        check=between(0, math.inf, "0.001", low_included=True),
    )

    precision: str = option(
        "machine",
        "of the arithmetic, the variables are always float32; by default bfloat16 where the "
        "hardware multiplies it; float16 scales the loss",
        "float32",
        choices=PRECISIONS,
    )
    jit_compile: bool = option(
        "machine", "compile the steps with XLA: for GPUs, on a CPU it is slower", False
    )
    strategy: str | None = option(
        "machine",
        "by default multi_worker when TF_CONFIG names several workers, mirrored with several "
        "GPUs, one_device otherwise",
        None,
        choices=STRATEGIES,
        shapes_result=False,
    )
    tpu: str | None = option(
        "machine",
        "name or address of the TPU of --strategy tpu; by default the one of this machine",
        None,
        shapes_result=False,
    )

    def __post_init__(self) -> None:
        check_options(self)
        check_fine_tuning(self)
        _check_lengths(self)
        if self.accumulation_steps > self.global_batch_size:
            raise InputError(
                f"--accumulation_steps is {self.accumulation_steps}, more than the "
                f"{self.global_batch_size} examples of --global_batch_size. Give at most so many."
            )
        if self.tpu and self.strategy != "tpu":
            raise InputError(
                f"--tpu is {self.tpu!r}, but --strategy is {self.strategy or 'not given'}. Give "
                "--strategy tpu."
            )


def _check_lengths(config: TrainConfig) -> None:
    of_squad = [name for name in LENGTHS[1:] if getattr(config, name) is not None]
    if config.task == "imdb" and of_squad:
        raise InputError(
            f"--{of_squad[0]} is {getattr(config, of_squad[0])}, but --task is imdb, whose records "
            "are not cut into windows. Leave it out."
        )


def changed_fields(config: TrainConfig, saved: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Compares a run with the one that a folder holds.

    Args:
        config: the run that was asked for.
        saved: the content of the folder's config.json.

    Returns:
        Field -> (saved value, asked value) for the fields that shape the result and differ.
    """
    asked = dataclasses.asdict(config)
    return {
        field.name: (saved.get(field.name), asked[field.name])
        for field in dataclasses.fields(config)
        if option_of(field).shapes_result and saved.get(field.name) != asked[field.name]
    }


def fingerprint(config: TrainConfig, data_digest: str) -> int:
    """A number below 2**32 that all workers of one run have in common, and other runs hardly.

    Args:
        config: the run; where and how often does not count.
        data_digest: of the data set.
    """
    shaping = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if option_of(field).shapes_result
    }
    return zlib.crc32(json.dumps([shaping, data_digest]).encode())


def read_config(run_dir: pathlib.Path) -> dict[str, Any]:
    """Reads a run's config.json: the fields of `TrainConfig` and what `run_dir.py` adds.

    Raises:
        InputError: there is none, or it is not JSON.
    """
    path = run_dir / CONFIG_FILE
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        raise InputError(
            f"{run_dir}: no {CONFIG_FILE}, so this is not a training run. Make one with "
            "`python -m trainer --output_dir ...`."
        ) from None
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: not the config of a run ({error}). Train into a new --output_dir, or "
            "give --overwrite."
        ) from error
