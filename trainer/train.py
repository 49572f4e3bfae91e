"""A run from its config to its weights: data, model, epochs, and a place to go on from."""

import logging
import math
import pathlib
import time
from typing import Any

import tensorflow as tf

from preprocessing.dataset_info import DatasetInfo
from trainer import run_dir
from trainer.best import best_epoch, is_patience_over
from trainer.checkpoints import Checkpoints, Place
from trainer.cluster import read_cluster
from trainer.components import Components
from trainer.config import TrainConfig, fingerprint
from trainer.disk import disk_errors
from trainer.distribution import check_agreement, is_chief, make_strategy
from trainer.epoch_line import cost, means, peak_memory
from trainer.fine_tuning import metric_of
from trainer.finite import LossCheck, StepPlace, check_evaluation, check_weights
from trainer.hardware import hardware
from trainer.history import History
from trainer.interrupts import Interrupts, StoppedError
from trainer.memory import check_memory, largest_batch, memory_errors
from trainer.model_card import TrainedModel, write_model_card
from trainer.preflight import check_data, check_same_run
from trainer.presets import architecture_of
from trainer.rendezvous import wait_for_workers
from trainer.report import StepReport, epoch_text
from trainer.run_files import CHECKPOINT_DIR
from trainer.summary import print_summary, summary_console
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
            not finite, a file of the run cannot be written, or another worker has ended.
        SystemExit: after SIGTERM, with a checkpoint of the last step and status 0.
        KeyboardInterrupt: after SIGINT, likewise.
    """
    with Interrupts() as interrupts:
        if config.strategy in (None, "multi_worker") and (cluster := read_cluster()):
            wait_for_workers(cluster)
        with interrupts.left_to_system():
            strategy = make_strategy(config.strategy, config.tpu)
        try:
            with peer_errors(strategy), disk_errors(pathlib.Path(config.output_dir)):
                _train_and_evaluate(config, strategy, interrupts, overwrite)
        except StoppedError as stopped:
            logger.info("%s; the same command goes on from there", stopped)
            interrupts.leave()


def _train_and_evaluate(
    config: TrainConfig, strategy: tf.distribute.Strategy, interrupts: Interrupts, overwrite: bool
) -> None:
    folder = pathlib.Path(config.output_dir)
    info = check_data(config)
    check_agreement(
        strategy,
        fingerprint(config, info.digest),
        "what is to be trained",
        "Give each the same flags (--precision, too, where their processors differ) and records.",
    )
    if overwrite and is_chief(strategy):
        run_dir.remove_run(folder)
    check_agreement(strategy, 0, "", "")  # the others look into the folder only after that
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
        run_dir.save_weights(folder, run.parts.model)
        print_summary(summary_console(), folder, trained)


class _Run:
    """A run under way: its parts, and its place in the data."""

    def __init__(
        self,
        config: TrainConfig,
        strategy: tf.distribute.Strategy,
        info: DatasetInfo,
        interrupts: Interrupts,
    ):
        self.config, self.strategy, self.chief = config, strategy, is_chief(strategy)
        self.interrupts, self.any_worker, self.info = interrupts, any_worker(strategy), info
        self.folder, self.metric = pathlib.Path(config.output_dir), metric_of(config, info)
        self.parts = Components(config, strategy, info)
        self.batch_size = largest_batch(
            [self.parts.longest_rows()],
            self.parts.splits["train"].lengths,
            self.parts.sharding,
            len(strategy.extended.worker_devices),
        )
        self.architecture = architecture_of(self.parts.backbone)
        check_memory(config, self.batch_size, self.architecture)
        self.evaluators = {
            split: Evaluator(examples, info, pathlib.Path(config.data_dir), len(self.parts.labels))
            for split, examples in self.parts.splits.items()
            if split != "train"
        }
        self.loss_check = LossCheck(config)
        if self.chief:
            logger.info(self.parts.text())
        self._restore()
        self.history = self._open_history() if self.chief else None
        interrupts.defer()

    def _restore(self) -> None:
        model, optimizer = self.parts.model, self.parts.optimizer
        variables = {"model": model.variables, "optimizer": optimizer.variables}
        kept = self.config.keep_checkpoints
        self.checkpoints = Checkpoints(self.folder, variables, kept, self.chief)
        restored = self.checkpoints.restore()
        self.place = restored or Place()
        self.saved = restored.total_steps if restored else None
        if restored:
            logger.info("going on after epoch %d, step %d", self.place.epoch, self.place.step)
        elif self.chief:
            run_dir.start_run(self.folder, self.config, self.info, self.parts.backbone)
        check_agreement(
            self.strategy,
            self.place.total_steps,
            f"the step to go on from, here {self.place.total_steps},",
            "All of them must share one --output_dir.",
        )

    def train(self) -> None:
        """Trains and evaluates the epochs that are left, unless it stops early."""
        for epoch in range(self.place.epoch, self.config.epochs):
            if self._stops_early():
                return
            self._train_epoch(epoch)
            line = self._training_line(epoch)
            if "validation" in self.evaluators:
                line |= self._evaluate("validation")
            self.place.finish_epoch(line)
            self._keep_best()
            if self.history:
                self.history.add_epoch(self.place.lines)
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
            parameters=self.parts.model.count_params(),
            trainable_parameters=sum(v.shape.num_elements() for v in self.parts.trainable),
            strategy=f"{type(self.strategy).__name__} of {self.strategy.num_replicas_in_sync}",
            hardware=hardware(),
            lines=lines,
            best_metric=self.metric,
            best_epoch=best,
            weights_epoch=best if self._restores_best() else len(lines),
        )

    def _train_epoch(self, epoch: int) -> None:
        place, plan = self.place, self.parts.plan(epoch)
        left = plan[place.step :]
        updates, started = self.parts.updates(left), time.monotonic() - place.seconds
        title = f"epoch {epoch + 1}/{self.config.epochs}"
        later = (self.config.epochs - epoch - 1) * len(plan)
        with StepReport(title, len(plan), later, self.chief) as report:
            for rows, micro_batches in zip(left, updates, strict=True):
                stop_requested = self.interrupts.requested is not None
                learning_rate, scale = float(self.parts.optimizer.learning_rate), self._loss_scale()
                sums = _numbers(self.parts.steps.train(micro_batches, stop_requested))
                stop, norm = sums.pop("stop") > 0, sums.pop("gradient_norm")
                loss = sums["loss"] / sums["examples"]
                step_place = self._step_place(place.step + 1)
                counts = self.loss_check.counts(loss, norm, step_place, scale)
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
        plan, batches = self.parts.evaluation(split)
        predictions = Predictions(self.parts.splits[split].rows)
        totals: dict[str, float] = {}
        started = time.monotonic()
        with StepReport(split, len(plan), enabled=self.chief) as report:
            for step, (rows, batch) in enumerate(zip(plan, batches, strict=True), start=1):
                summed, predicted = self.parts.steps.evaluate(batch)
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
            **means(split, totals, self.config.task),
            **{f"{split}_{name}": value for name, value in figures.items()},
            "evaluation_seconds": round(time.monotonic() - started, 3),
        }

    def _is_stop_asked(self) -> bool:
        return self.any_worker(self.interrupts.requested is not None)

    def _stop(self) -> None:
        self.checkpoints.finish()
        raise StoppedError(
            f"stopped, with a checkpoint of epoch {self.place.epoch + 1}, step {self.place.step} "
            f"of {self.parts.steps_per_epoch}"
        )

    def _open_history(self) -> History:
        total_steps = self.parts.steps_per_epoch * self.config.epochs
        return History(self.folder, self.place.lines, self.place.total_steps, total_steps)

    def _loss_scale(self) -> float | None:
        is_scaled = self.config.precision == "float16"
        return float(self.parts.optimizer.loss_scale) if is_scaled else None

    def _step_place(self, step: int) -> StepPlace:
        return StepPlace(
            epoch=self.place.epoch + 1,
            step=step,
            saved=self.saved,
            checkpoints=self.folder / CHECKPOINT_DIR,
        )

    def _is_checkpoint_step(self, step: int) -> bool:
        every = self.config.checkpoint_every_steps
        return step == self.parts.steps_per_epoch or (every is not None and step % every == 0)

    def _save(self) -> None:
        check_weights(self.parts.trainable, self._step_place(self.place.step))
        if self.history:
            self.history.flush()
        self.checkpoints.save(self.place)
        self.saved = self.place.total_steps

    def _training_line(self, epoch: int) -> dict[str, Any]:
        totals = self.place.sums
        check_evaluation("train", totals["loss"] if totals["examples"] else math.nan, epoch + 1)
        return {
            "epoch": epoch + 1,
            "step": self.place.total_steps,
            **means("train", totals, self.config.task),
            **cost(totals, self.place.seconds),
            "learning_rate": float(self.parts.optimizer.learning_rate),
            **self._loss_scaling_line(totals),
            **peak_memory(),
        }

    def _loss_scaling_line(self, totals: dict[str, float]) -> dict[str, float]:
        scale = self._loss_scale()
        if scale is None:
            return {}
        return {"loss_scale": scale, "left_out_updates": int(totals["left_out"])}


def _numbers(sums: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in sums.items()}
