"""The parts of a run, made from its config: records, model, optimizer and compiled steps."""

import logging
import math
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.distribution import is_tpu
from trainer.encoder import Forward, fast_forward
from trainer.examples import Examples, first_rows, load_split
from trainer.feed import Feed, Updates
from trainer.fine_tuning import Objective, check_labels, class_names, class_weights
from trainer.input_pipeline import Sharding, epoch_plan, evaluation_plan, padding_share
from trainer.kernels import is_worth_compiling
from trainer.layers import rate_scales
from trainer.models import task_model
from trainer.optimizer import ClippedAdamW, build_optimizer
from trainer.presets import load_backbone
from trainer.steps import Batch, Steps
from trainer.tensorflow_keras import keras

logger = logging.getLogger(__name__)


class Components:
    """What a run trains, and with what.

    Args:
        config: the run.
        strategy: the run's.
        info: of the data set.

    Attributes:
        splits: "train", and "validation" where the data set has it.
        labels: the names of the classes; none for "squad".
        backbone: the encoder that the model is made on.
        model: as `models.task_model` makes it.
        optimizer: of its trainable variables.
        steps: of training and evaluation.

    Raises:
        InputError: the records or the preset cannot be right.
    """

    def __init__(self, config: TrainConfig, strategy: tf.distribute.Strategy, info: DatasetInfo):
        self._config, self._strategy = config, strategy
        self.splits = _load_splits(config, info)
        self.labels = class_names(config.task, info.labels, config.data_dir)
        _check_labels(self.splits, self.labels, config)
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            self.backbone = load_backbone(config, info)
            self.model = task_model(config.task, self.backbone, config.dropout, len(self.labels))
            self.optimizer = self._optimizer()
        _check_records(self.splits, self.backbone, pathlib.Path(config.data_dir))
        self._feeds = self._make_feeds()
        self.steps = self._steps()

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch."""
        return math.ceil(self.splits["train"].rows / self._config.global_batch_size)

    @property
    def trainable(self) -> list[tf.Variable]:
        """The variables that are trained."""
        return [variable.value for variable in self.model.trainable_variables]

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The rows of each update of an epoch of training."""
        lengths, config = self.splits["train"].lengths, self._config
        return epoch_plan(lengths, config.global_batch_size, config.seed, epoch)

    def longest_rows(self) -> np.ndarray:
        """The rows of the largest batch that an epoch may have."""
        return np.argsort(self.splits["train"].lengths)[-self._config.global_batch_size :]

    @property
    def sharding(self) -> Sharding:
        """How the batches of training come to the replicas."""
        return self._sharding(self._config.accumulation_steps, self._config.global_batch_size)

    def updates(self, plan: list[np.ndarray]) -> Updates:
        """The micro-batches of each update of a plan."""
        return Updates(self._feeds["train"].batches(plan), self._config.accumulation_steps)

    def evaluation(self, split: str) -> tuple[list[np.ndarray], Iterator[Batch]]:
        """A plan of all rows of a split, and its batches, of a micro-batch's size."""
        plan = evaluation_plan(self.splits[split].lengths, self._evaluation_size)
        return plan, self._feeds[split].batches(plan)

    @property
    def _evaluation_size(self) -> int:
        return math.ceil(self._config.global_batch_size / self._config.accumulation_steps)

    def text(self) -> str:
        """The sizes of the run, for its log."""
        config, replicas = self._config, self._strategy.num_replicas_in_sync
        padding = padding_share(self.splits["train"].lengths, self.plan(0), self.sharding)
        return (
            f"{config.task}: {self.splits['train'].rows} examples of training, "
            f"{self.steps_per_epoch} steps an epoch of {config.global_batch_size} examples "
            f"({math.ceil(config.global_batch_size / replicas)} on each of {replicas} replicas), "
            f"{100 * padding:.1f} % of tokens padding, {self.model.count_params():,} parameters, "
            f"{config.precision}"
        )

    def _optimizer(self) -> ClippedAdamW:
        config = self._config
        variables = self.model.trainable_variables
        return build_optimizer(
            self.model,
            config.learning_rate,
            self.steps_per_epoch * config.epochs,
            config.warmup_fraction,
            config.weight_decay,
            config.clipping_norm,
            loss_scaling=config.precision == "float16",
            rate_scales=rate_scales(variables, self.backbone.num_layers, config.layer_decay),
        )

    def _steps(self) -> Steps:
        train = self.splits["train"]
        return Steps(
            _objective(self._config, self.labels, train),
            self._forward(),
            self.model,
            self.optimizer,
            self._strategy,
            None if is_tpu(self._strategy) else self._feeds["train"].spec,
            self._config.jit_compile,
            self._config.accumulation_steps,
        )

    def _forward(self) -> Forward:
        tokens = self._config.epochs * len(self.splits["train"].token_ids)
        return fast_forward(
            self.model,
            self.backbone,
            self._config.seed,
            first_token_only=self._config.task == "imdb",
            compiled=is_worth_compiling(self.backbone, tokens),
        )

    def _sharding(self, micro_batches: int, size: int) -> Sharding:
        fixed_shapes = self._config.jit_compile or is_tpu(self._strategy)
        return Sharding(
            self._strategy.num_replicas_in_sync,
            micro_batches,
            full_size=size if fixed_shapes else None,
            most_tokens=self.backbone.max_sequence_length,
        )

    def _make_feeds(self) -> dict[str, Feed]:
        size = self._evaluation_size
        shardings = {"train": self.sharding, "validation": self._sharding(1, size)}
        return {
            split: Feed(self._strategy, examples, shardings[split])
            for split, examples in self.splits.items()
        }


def _load_splits(config: TrainConfig, info: DatasetInfo) -> dict[str, Examples]:
    data_dir = pathlib.Path(config.data_dir)
    train = first_rows(load_split(data_dir, info, "train"), config.max_train_records)
    if "validation" not in info.splits:
        return {"train": train}
    return {"train": train, "validation": load_split(data_dir, info, "validation")}


def _objective(config: TrainConfig, labels: tuple[str, ...], train: Examples) -> Objective:
    weights: tuple[float, ...] = ()
    if config.class_weights is not None:
        counts = np.bincount(train.labels["label"], minlength=len(labels)).tolist()
        weights = class_weights(config.class_weights, labels, counts)
        named = (f"{label} {weight:.3g}" for label, weight in zip(labels, weights, strict=True))
        logger.info("class weights: %s", ", ".join(named))
    return Objective(
        task=config.task,
        label_smoothing=config.label_smoothing,
        class_weights=weights,
    )


def _check_labels(
    splits: dict[str, Examples], labels: tuple[str, ...], config: TrainConfig
) -> None:
    for split, examples in splits.items():
        found = np.unique(examples.labels["label"]).tolist() if config.task == "imdb" else []
        check_labels(config.task, found, labels, f"{config.data_dir}: split {split!r}")


def _check_records(
    splits: dict[str, Examples], backbone: keras.Model, data_dir: pathlib.Path
) -> None:
    for split, examples in splits.items():
        longest, largest = int(examples.lengths.max()), int(examples.token_ids.max())
        if longest > backbone.max_sequence_length:
            raise InputError(
                f"{data_dir}: split {split!r} has a record of {longest} tokens, but the preset "
                f"takes at most {backbone.max_sequence_length}. Run the preprocessing with a "
                "smaller --max_seq_length."
            )
        if largest >= backbone.vocabulary_size:
            raise InputError(
                f"{data_dir}: split {split!r} has the token id {largest}, but the preset knows "
                f"{backbone.vocabulary_size} tokens. Run the preprocessing again."
            )
