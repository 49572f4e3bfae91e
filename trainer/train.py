"""A run from its config to its weights: data, model, epochs, and a place to go on from."""

import logging
import math
import pathlib
import time
from typing import Any

import tensorflow as tf

from preprocessing.dataset_info import DatasetInfo, load_info
from preprocessing.errors import InputError
from trainer import run_dir
from trainer.checkpoints import Checkpoints, Place
from trainer.config import TrainConfig
from trainer.distribution import check_agreement, is_chief, make_strategy
from trainer.encoder import fast_forward
from trainer.history import CURVES_FILE, HISTORY_FILE, History
from trainer.input_pipeline import (
    Examples,
    batch_spec,
    distributed_batches,
    epoch_plan,
    evaluation_plan,
    load_split,
)
from trainer.interrupts import DeferredInterrupt
from trainer.metrics import COUNTS
from trainer.models import task_model
from trainer.optimizer import build_optimizer
from trainer.presets import load_backbone
from trainer.report import StepReport
from trainer.steps import Steps
from trainer.tensorflow_keras import keras

logger = logging.getLogger(__name__)


def train_and_evaluate(config: TrainConfig, overwrite: bool = False) -> None:
    """Trains a model, or goes on with the run in `config.output_dir`.

    Args:
        config: the run.
        overwrite: remove a run that the folder holds, and start anew.

    Raises:
        InputError: the data, the preset, the folder or TF_CONFIG cannot be right, or the loss is
            not finite.
        KeyboardInterrupt: after SIGINT or SIGTERM, with a checkpoint of the last step.
    """
    strategy = make_strategy(config.strategy)
    folder = pathlib.Path(config.output_dir)
    info = load_info(pathlib.Path(config.data_dir))
    if info.task != config.task:
        raise InputError(
            f"--data_dir {config.data_dir} holds {info.task} records, but --task is {config.task}."
        )
    if len(info.labels) > 2:
        raise InputError(
            f"--data_dir {config.data_dir}: texts with {len(info.labels)} labels, expected the two "
            "that the trainer can tell apart."
        )
    if overwrite and is_chief(strategy):
        run_dir.remove_run(folder)
    check_agreement(strategy, 0, "")  # the others look into the folder only after that
    run_dir.check_same_run(folder, config, info)
    if run_dir.is_finished(folder):
        logger.info("%s: the run is finished, nothing to do; --overwrite trains anew", folder)
        return
    run = _Run(config, strategy, info)
    run.train()
    if run.chief:
        run_dir.save_weights(folder, run.model)
        logger.info(
            "weights %s, history %s, curves %s",
            *(folder / name for name in (run_dir.WEIGHTS_FILE, HISTORY_FILE, CURVES_FILE)),
        )


class _Run:
    """A run under way: the data, the model, its optimizer, and the place in the data."""

    def __init__(self, config: TrainConfig, strategy: tf.distribute.Strategy, info: DatasetInfo):
        self.config, self.strategy, self.chief = config, strategy, is_chief(strategy)
        data_dir, folder = pathlib.Path(config.data_dir), pathlib.Path(config.output_dir)
        self.splits = {"train": load_split(data_dir, info, "train")}
        if "validation" in info.splits:
            self.splits["validation"] = load_split(data_dir, info, "validation")
        self.steps_per_epoch = math.ceil(self.splits["train"].rows / config.global_batch_size)
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            backbone = load_backbone(config, info)
            self.model = task_model(config.task, backbone, config.dropout)
            self.optimizer = build_optimizer(
                self.model,
                config.learning_rate,
                self.steps_per_epoch * config.epochs,
                config.warmup_fraction,
                config.weight_decay,
            )
        _check_records(self.splits, backbone, data_dir)
        forward = fast_forward(self.model, backbone, config.seed, config.task == "imdb")
        self.steps = Steps(
            config.task,
            forward,
            self.model,
            self.optimizer,
            strategy,
            batch_spec(strategy, self.splits["train"]),
            config.jit_compile,
        )
        self.place = Place(("loss", "examples", "tokens", *COUNTS[config.task]))
        self.checkpoints = Checkpoints(folder, self.model, self.optimizer, self.place)
        self._log_start()
        if self.checkpoints.restore():
            logger.info("going on after epoch %d, step %d", self.place.epoch, self.place.step)
        elif self.chief:
            run_dir.start_run(folder, config, info, backbone)
        check_agreement(strategy, self._done(), "All workers must share one --output_dir.")
        self.history = History(folder, int(self.place.epoch)) if self.chief else None

    def train(self) -> None:
        """Trains and evaluates the epochs that are left."""
        for epoch in range(int(self.place.epoch), self.config.epochs):
            self._train_epoch(epoch)
            line = self._training_line(epoch)
            if "validation" in self.splits:
                line |= self._evaluate("validation")
            if self.history:
                self.history.add_epoch(line)
                logger.info(_epoch_text(line, self.config.epochs))
            self.place.start_epoch(epoch + 1)

    def _train_epoch(self, epoch: int) -> None:
        place, examples = self.place, self.splits["train"]
        plan = epoch_plan(examples.lengths, self.config.global_batch_size, self.config.seed, epoch)
        first = int(place.step)
        batches = self._batches(examples, plan[first:])
        started = time.monotonic() - float(place.seconds)
        title = f"epoch {epoch + 1}/{self.config.epochs}"
        with StepReport(title, len(plan), first, self.chief) as report, DeferredInterrupt() as stop:
            for rows, batch in zip(plan[first:], batches, strict=True):
                sums = _numbers(self.steps.train(batch))
                loss = sums["loss"] / sums["examples"]
                self._check_finite(loss)
                place.advance(sums | {"tokens": float(examples.lengths[rows].sum())})
                place.seconds.assign(time.monotonic() - started)
                step = int(place.step)
                report.step(step, len(rows), loss)
                if stop.requested or self._is_checkpoint_step(step):
                    self._save()
                if stop.requested:
                    raise KeyboardInterrupt

    def _evaluate(self, split: str) -> dict[str, float]:
        examples = self.splits[split]
        plan = evaluation_plan(examples.lengths, self.config.global_batch_size)
        totals: dict[str, float] = {}
        with StepReport(split, len(plan), 0, self.chief) as report:
            for step, (rows, batch) in enumerate(
                zip(plan, self._batches(examples, plan), strict=True), start=1
            ):
                for name, value in _numbers(self.steps.evaluate(batch)).items():
                    totals[name] = totals.get(name, 0.0) + value
                report.step(step, len(rows))
        return _means(split, totals, self.config.task)

    def _batches(
        self, examples: Examples, plan: list[Any]
    ) -> tf.distribute.DistributedDataset | tuple[()]:
        if not plan:
            return ()
        full_size = self.config.global_batch_size if self.config.jit_compile else None
        return distributed_batches(self.strategy, examples, plan, full_size)

    def _done(self) -> int:
        """Steps done since the start of the run."""
        return int(self.place.epoch) * self.steps_per_epoch + int(self.place.step)

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise InputError(
                f"the loss is {loss} at step {self._done() + 1}. Try a smaller "
                f"--learning_rate than {self.config.learning_rate}, or --precision float32."
            )

    def _is_checkpoint_step(self, step: int) -> bool:
        every = self.config.checkpoint_every_steps
        return step == self.steps_per_epoch or (every is not None and step % every == 0)

    def _save(self) -> None:
        if self.chief:
            self.checkpoints.save()

    def _training_line(self, epoch: int) -> dict[str, Any]:
        totals = {name: float(value) for name, value in self.place.sums.items()}
        seconds = float(self.place.seconds)
        return {
            "epoch": epoch + 1,
            "step": self._done(),
            **_means("train", totals, self.config.task),
            "seconds": round(seconds, 3),
            "examples_per_second": round(totals["examples"] / seconds, 2),
            "tokens_per_second": round(totals["tokens"] / seconds, 1),
            "learning_rate": float(self.optimizer.learning_rate),
        }

    def _log_start(self) -> None:
        if self.chief:
            replicas = self.strategy.num_replicas_in_sync
            logger.info(
                "%s: %d examples of training, %d steps an epoch of %d examples (%d on each of %d "
                "replicas), %s, %s",
                self.config.task,
                self.splits["train"].rows,
                self.steps_per_epoch,
                self.config.global_batch_size,
                math.ceil(self.config.global_batch_size / replicas),
                replicas,
                f"{self.model.count_params():,} parameters",
                self.config.precision,
            )


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


def _numbers(sums: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in sums.items()}


def _means(split: str, totals: dict[str, float], task: str) -> dict[str, float]:
    return {
        f"{split}_{name}": totals[name] / totals["examples"] for name in ("loss", *COUNTS[task])
    }


def _epoch_text(line: dict[str, Any], epochs: int) -> str:
    measures = [
        f"{name} {value:.4f}"
        for name, value in line.items()
        if name.endswith(("_loss", "_accuracy"))
    ]
    return (
        f"epoch {line['epoch']}/{epochs}  {'  '.join(measures)}  {line['seconds']:.1f} s  "
        f"{line['examples_per_second']:.1f} examples/s"
    )
