"""A run from its config to its weights: data, model, epochs, and a place to go on from."""

import logging
import math
import pathlib
import time
from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError
from trainer import run_dir
from trainer.best import best_epoch, is_patience_over
from trainer.checkpoints import CHECKPOINT_DIR, Checkpoints, Place
from trainer.config import TrainConfig
from trainer.disk import disk_errors
from trainer.distribution import check_agreement, is_chief, is_tpu, make_strategy
from trainer.encoder import fast_forward
from trainer.failures import (
    LossCheck,
    StepPlace,
    check_evaluation,
    check_memory,
    check_weights,
    largest_batch,
    memory_errors,
)
from trainer.fine_tuning import (
    Objective,
    check_labels,
    class_names,
    class_weights,
    metric_of,
)
from trainer.hardware import hardware, peak_gpu_memory_mib, peak_memory_mib
from trainer.history import History, write_history
from trainer.input_pipeline import (
    Examples,
    Sharding,
    Updates,
    batch_spec,
    distributed_batches,
    epoch_plan,
    evaluation_plan,
    first_rows,
    load_split,
    padding_share,
)
from trainer.interrupts import Interrupts, StoppedError
from trainer.kernels import is_worth_compiling
from trainer.layers import rate_scales
from trainer.metrics import COUNTS
from trainer.model_card import TrainedModel, write_model_card
from trainer.models import task_model
from trainer.optimizer import build_optimizer
from trainer.preflight import check_data, check_same_run
from trainer.presets import architecture_of, load_backbone
from trainer.report import StepReport, epoch_text
from trainer.steps import Steps
from trainer.summary import print_summary, summary_console
from trainer.tensorflow_keras import keras
from trainer.validation import Evaluator, Predictions
from trainer.workers import any_worker, peer_errors

logger = logging.getLogger(__name__)


def train_and_evaluate(config: TrainConfig, overwrite: bool = False) -> None:
    """Trains a model, or goes on with the run in `config.output_dir`.

    Args:
        config: the run.
        overwrite: remove a run that the folder holds, and start anew.

    Raises:
        InputError: the data, the preset, the folder or TF_CONFIG cannot be right, the loss is
            not finite, the disk is full, or another worker has ended.
        SystemExit: after SIGTERM, with a checkpoint of the last step and status 0.
        KeyboardInterrupt: after SIGINT, likewise.
    """
    with Interrupts() as interrupts:
        strategy = make_strategy(config.strategy, config.tpu)
        interrupts.claim()
        try:
            with peer_errors(strategy), disk_errors():
                _train_and_evaluate(config, strategy, interrupts, overwrite)
        except StoppedError as stopped:
            logger.info("%s; the same command goes on from there", stopped)
            interrupts.leave()


def _train_and_evaluate(
    config: TrainConfig, strategy: tf.distribute.Strategy, interrupts: Interrupts, overwrite: bool
) -> None:
    folder = pathlib.Path(config.output_dir)
    info = check_data(config)
    if overwrite and is_chief(strategy):
        run_dir.remove_run(folder)
    check_agreement(strategy, 0, "")  # the others look into the folder only after that
    check_same_run(folder, config, info)
    if run_dir.is_finished(folder):
        logger.info("%s: the run is finished, nothing to do; --overwrite trains anew", folder)
        return
    with memory_errors(config):
        run = _Run(config, strategy, info, interrupts)
    with memory_errors(config, run.batch_size), run.checkpoints:
        run.train()
        run.take_best()
    if run.chief:
        trained = run.trained_model()
        write_model_card(folder, trained)
        run_dir.save_weights(folder, run.model)
        print_summary(summary_console(), folder, trained)


class _Run:
    """A run under way: the data, the model, its optimizer, and the place in the data."""

    def __init__(
        self,
        config: TrainConfig,
        strategy: tf.distribute.Strategy,
        info: DatasetInfo,
        interrupts: Interrupts,
    ):
        self.config, self.strategy, self.chief = config, strategy, is_chief(strategy)
        self.interrupts, self.any_worker, self.info = interrupts, any_worker(strategy), info
        data_dir, folder = pathlib.Path(config.data_dir), pathlib.Path(config.output_dir)
        training = first_rows(load_split(data_dir, info, "train"), config.max_train_records)
        self.splits = {"train": training}
        if "validation" in info.splits:
            self.splits["validation"] = load_split(data_dir, info, "validation")
        self.labels = class_names(config.task, info.labels, config.data_dir)
        self.metric = metric_of(config, info)
        _check_labels(self.splits, self.labels, config)
        self.steps_per_epoch = math.ceil(self.splits["train"].rows / config.global_batch_size)
        keras.utils.set_random_seed(config.seed)
        with strategy.scope():
            backbone = load_backbone(config, info)
            self.model = task_model(config.task, backbone, config.dropout, len(self.labels))
            self.optimizer = build_optimizer(
                self.model,
                config.learning_rate,
                self.steps_per_epoch * config.epochs,
                config.warmup_fraction,
                config.weight_decay,
                config.clipping_norm,
                loss_scaling=config.precision == "float16",
                rate_scales=rate_scales(
                    self.model.trainable_variables, backbone.num_layers, config.layer_decay
                ),
            )
        _check_records(self.splits, backbone, data_dir)
        self.batch_size = largest_batch(
            self._plan(0),
            self.splits["train"].lengths,
            self._sharding(config.accumulation_steps),
            len(strategy.extended.worker_devices),
        )
        self.architecture = architecture_of(backbone)
        check_memory(config, self.batch_size, self.architecture)
        forward = fast_forward(
            self.model,
            backbone,
            config.seed,
            first_token_only=config.task == "imdb",
            compiled=is_worth_compiling(
                backbone, config.epochs * len(self.splits["train"].token_ids)
            ),
        )
        objective = _objective(config, self.labels, self.splits["train"])
        self.steps = Steps(
            objective,
            forward,
            self.model,
            self.optimizer,
            strategy,
            None if is_tpu(strategy) else batch_spec(strategy, self.splits["train"]),
            config.jit_compile,
            config.accumulation_steps,
        )
        self.evaluators = {
            split: Evaluator(examples, info, data_dir, len(self.labels))
            for split, examples in self.splits.items()
            if split != "train"
        }
        variables = {"model": self.model.variables, "optimizer": self.optimizer.variables}
        self.checkpoints = Checkpoints(folder, variables, config.keep_checkpoints, self.chief)
        self._log_start()
        restored = self.checkpoints.restore()
        self.place = restored or Place()
        self.saved = restored.total_steps if restored else None
        self.loss_check = LossCheck(config)
        if restored:
            logger.info("going on after epoch %d, step %d", self.place.epoch, self.place.step)
        elif self.chief:
            run_dir.start_run(folder, config, info, backbone)
        if self.chief:
            write_history(folder, self.place.lines)
        check_agreement(
            strategy, self.place.total_steps, "All workers must share one --output_dir."
        )
        self.history = self._open_history() if self.chief else None
        interrupts.defer()

    def train(self) -> None:
        """Trains and evaluates the epochs that are left, unless it stops early."""
        for epoch in range(self.place.epoch, self.config.epochs):
            if self._stops_early():
                return
            self._train_epoch(epoch)
            line = self._training_line(epoch)
            if "validation" in self.splits:
                line |= self._evaluate("validation")
            self.place.finish_epoch(line)
            self._keep_best()
            if self.history:
                self.history.add_epoch(line)
                logger.info(epoch_text(line, self.config.epochs))

    def take_best(self) -> None:
        """Gives the model the weights of the best epoch, where the run is to end with them."""
        if not self._restores_best() or not self.chief:
            return
        lines = self.place.lines
        best = best_epoch(lines, self.metric)
        self.checkpoints.restore_best()
        value = lines[best - 1][self.metric]
        logger.info("the weights are those of epoch %d: %s %.4f", best, self.metric, value)

    def _restores_best(self) -> bool:
        return self.config.restore_best or self.config.early_stopping_patience is not None

    def _keep_best(self) -> None:
        if best_epoch(self.place.lines, self.metric) == self.place.epoch:
            self.checkpoints.save_best()

    def _stops_early(self) -> bool:
        patience = self.config.early_stopping_patience
        if patience is None:
            return False
        is_over = is_patience_over(self.place.lines, self.metric, patience, self.config.min_delta)
        if is_over and self.chief:
            logger.info(
                "stopped early after epoch %d: no better %s for %d epochs",
                *(self.place.epoch, self.metric, patience),
            )
        return is_over

    def trained_model(self) -> TrainedModel:
        """The facts of the run, once it has ended."""
        lines = self.place.lines
        best = best_epoch(lines, self.metric)
        return TrainedModel(
            config=self.config,
            info=self.info,
            architecture=self.architecture,
            parameters=self.model.count_params(),
            trainable_parameters=sum(v.shape.num_elements() for v in self._trainable()),
            strategy=f"{type(self.strategy).__name__} of {self.strategy.num_replicas_in_sync}",
            hardware=hardware(),
            lines=lines,
            best_metric=self.metric,
            best_epoch=best,
            weights_epoch=best if self._restores_best() else len(lines),
        )

    def _trainable(self) -> list[tf.Variable]:
        return [variable.value for variable in self.model.trainable_variables]

    def _train_epoch(self, epoch: int) -> None:
        place, examples = self.place, self.splits["train"]
        plan, first = self._plan(epoch), place.step
        sharding = self._sharding(self.config.accumulation_steps)
        updates = Updates(
            self._batches(examples, plan[first:], sharding), self.config.accumulation_steps
        )
        started = time.monotonic() - place.seconds
        title = f"epoch {epoch + 1}/{self.config.epochs}"
        later = (self.config.epochs - epoch - 1) * len(plan)
        with StepReport(title, len(plan), later, self.chief) as report:
            for rows, micro_batches in zip(plan[first:], updates, strict=True):
                stop_requested = self.interrupts.requested is not None
                learning_rate = float(self.optimizer.learning_rate)
                sums = _numbers(self.steps.train(micro_batches, stop_requested))
                stop, norm = sums.pop("stop") > 0, sums.pop("gradient_norm")
                loss = sums["loss"] / sums["examples"]
                counts = self._check_finite(loss, norm)
                sums |= {"input_wait_s": updates.waited_s, "left_out": not math.isfinite(norm)}
                place.advance(sums if counts else dict.fromkeys(sums, 0.0) | {"left_out": 1.0})
                place.seconds = time.monotonic() - started
                figures = (len(rows), round(sums["tokens"]), loss, learning_rate)
                report.step(place.step, *figures)
                if self.history:
                    self.history.add_step(place.total_steps, *figures)
                if stop or self._is_checkpoint_step(place.step):
                    self._save()
                if stop:
                    self._stop()
                self.checkpoints.check()

    def _evaluate(self, split: str) -> dict[str, float]:
        examples = self.splits[split]
        size = math.ceil(self.config.global_batch_size / self.config.accumulation_steps)
        plan = evaluation_plan(examples.lengths, size)
        batches = self._batches(examples, plan, self._sharding(1, size))
        totals: dict[str, float] = {}
        predictions, started = Predictions(examples.rows), time.monotonic()
        with StepReport(split, len(plan), enabled=self.chief) as report:
            for step, (rows, batch) in enumerate(zip(plan, batches, strict=True), start=1):
                summed, predicted = self.steps.evaluate(batch)
                predictions.add({name: value.numpy() for name, value in predicted.items()})
                sums = _numbers(summed)
                for name, value in sums.items():
                    totals[name] = totals.get(name, 0.0) + value
                report.step(step, len(rows), round(sums["tokens"]))
                if self._is_stop_asked():
                    self._stop()
        check_evaluation(split, totals["loss"], self.place.epoch + 1)
        figures = self.evaluators[split].figures(predictions.arrays())
        return {
            **_means(split, totals, self.config.task),
            **{f"{split}_{name}": value for name, value in figures.items()},
            "evaluation_seconds": round(time.monotonic() - started, 3),
        }

    def _plan(self, epoch: int) -> list[np.ndarray]:
        lengths, config = self.splits["train"].lengths, self.config
        return epoch_plan(lengths, config.global_batch_size, config.seed, epoch)

    def _sharding(self, micro_batches: int, size: int | None = None) -> Sharding:
        fixed_shapes = self.config.jit_compile or is_tpu(self.strategy)
        size = size or self.config.global_batch_size
        return Sharding(
            self.strategy.num_replicas_in_sync, micro_batches, size if fixed_shapes else None
        )

    def _batches(
        self, examples: Examples, plan: list[np.ndarray], sharding: Sharding
    ) -> tf.distribute.DistributedDataset | tuple[()]:
        return distributed_batches(self.strategy, examples, plan, sharding) if plan else ()

    def _is_stop_asked(self) -> bool:
        return self.any_worker(self.interrupts.requested is not None)

    def _stop(self) -> None:
        self.checkpoints.finish()
        raise StoppedError(
            f"stopped, with a checkpoint of epoch {self.place.epoch + 1}, step {self.place.step} "
            f"of {self.steps_per_epoch}"
        )

    def _open_history(self) -> History:
        total_steps = self.steps_per_epoch * self.config.epochs
        folder = pathlib.Path(self.config.output_dir)
        return History(folder, self.place.epoch, self.place.total_steps, total_steps)

    def _check_finite(self, loss: float, gradient_norm: float) -> bool:
        is_scaled = self.config.precision == "float16"
        scale = float(self.optimizer.loss_scale) if is_scaled else None
        return self.loss_check.counts(
            loss, gradient_norm, self._step_place(self.place.step + 1), scale
        )

    def _step_place(self, step: int) -> StepPlace:
        return StepPlace(
            epoch=self.place.epoch + 1,
            step=step,
            saved=self.saved,
            checkpoints=pathlib.Path(self.config.output_dir) / CHECKPOINT_DIR,
        )

    def _is_checkpoint_step(self, step: int) -> bool:
        every = self.config.checkpoint_every_steps
        return step == self.steps_per_epoch or (every is not None and step % every == 0)

    def _save(self) -> None:
        check_weights(self._trainable(), self._step_place(self.place.step))
        if self.history:
            self.history.flush()
        self.checkpoints.save(self.place)
        self.saved = self.place.total_steps

    def _training_line(self, epoch: int) -> dict[str, Any]:
        totals, seconds = self.place.sums, self.place.seconds
        check_evaluation("train", totals["loss"] if totals["examples"] else math.nan, epoch + 1)
        return {
            "epoch": epoch + 1,
            "step": self.place.total_steps,
            **_means("train", totals, self.config.task),
            "seconds": round(seconds, 3),
            "examples_per_second": round(totals["examples"] / seconds, 2),
            "tokens_per_second": round(totals["tokens"] / seconds, 1),
            "input_wait_share": round(totals["input_wait_s"] / seconds, 4),
            "padding_share": round(totals["padding"] / (totals["tokens"] + totals["padding"]), 4),
            "learning_rate": float(self.optimizer.learning_rate),
            **self._loss_scaling_line(totals),
            **_peak_memory(),
        }

    def _loss_scaling_line(self, totals: dict[str, float]) -> dict[str, float]:
        if self.config.precision != "float16":
            return {}
        scale = float(self.optimizer.loss_scale)
        return {"loss_scale": scale, "left_out_updates": int(totals["left_out"])}

    def _log_start(self) -> None:
        if self.chief:
            replicas = self.strategy.num_replicas_in_sync
            sharding = self._sharding(self.config.accumulation_steps)
            logger.info(
                "%s: %d examples of training, %d steps an epoch of %d examples (%d on each of %d "
                "replicas), %.1f %% of tokens padding, %s, %s",
                self.config.task,
                self.splits["train"].rows,
                self.steps_per_epoch,
                self.config.global_batch_size,
                math.ceil(self.config.global_batch_size / replicas),
                replicas,
                100 * padding_share(self.splits["train"].lengths, self._plan(0), sharding),
                f"{self.model.count_params():,} parameters",
                self.config.precision,
            )


def _objective(config: TrainConfig, labels: tuple[str, ...], train: Examples) -> Objective:
    weights: tuple[float, ...] = ()
    if config.class_weights is not None:
        counts = np.bincount(train.labels["label"], minlength=len(labels)).tolist()
        weights = class_weights(config.class_weights, labels, counts)
        named = (f"{label} {weight:.3g}" for label, weight in zip(labels, weights, strict=True))
        logger.info("class weights: %s", ", ".join(named))
    return Objective(
        task=config.task,
        labels=labels,
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


def _numbers(sums: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in sums.items()}


def _means(split: str, totals: dict[str, float], task: str) -> dict[str, float]:
    return {
        f"{split}_{name}": totals[name] / totals["examples"] for name in ("loss", *COUNTS[task])
    }


def _peak_memory() -> dict[str, float]:
    gpu = peak_gpu_memory_mib()
    of_gpu = {} if gpu is None else {"peak_gpu_memory_mib": round(gpu, 1)}
    return {"peak_memory_mib": round(peak_memory_mib(), 1), **of_gpu}
