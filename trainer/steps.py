"""One step of training and one of evaluation, on every replica of a strategy."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from trainer.encoder import Forward
from trainer.fine_tuning import Objective
from trainer.metrics import batch_loss_and_sums, row_predictions
from trainer.models import INPUTS
from trainer.optimizer import ClippedAdamW, Gradient
from trainer.tensorflow_keras import keras

Batch = dict[str, tf.Tensor]
Sums = dict[str, tf.Tensor]
Rows = dict[str, tf.Tensor]


class Steps:
    """The compiled steps of a run. Make it in no scope, call it from no scope.

    Args:
        objective: what the loss is of.
        forward: the model's computation.
        model: its trainable variables are trained; made in the strategy's scope.
        optimizer: built on the model.
        strategy: the run's.
        batch_spec: `feed.Feed.spec`. With it each step is traced once, for any shape,
            so that a run that goes on computes with the very graph of one that never stopped. None
            traces anew for each shape, as a TPU needs it.
        jit_compile: compile forward and backward pass with XLA. The update stays outside, since
            XLA cannot sum over replicas.
        accumulation_steps: micro-batches of an update.
    """

    def __init__(
        self,
        objective: Objective,
        forward: Forward,
        model: keras.Model,
        optimizer: ClippedAdamW,
        strategy: tf.distribute.Strategy,
        batch_spec: dict[str, tf.TypeSpec] | None,
        jit_compile: bool = False,
        accumulation_steps: int = 1,
    ):
        self._objective, self._forward, self._strategy = objective, forward, strategy
        self._model, self._optimizer = model, optimizer
        self._accumulation_steps = accumulation_steps
        with strategy.scope():
            summed = model.trainable_variables if accumulation_steps > 1 else []
            self._gradient_sums = _GradientSums(summed)
        self._gradients_and_sums = _compiled(self._differentiate, jit_compile=jit_compile)
        self._sums_and_rows = _compiled(self._evaluate_replica, jit_compile=jit_compile)
        place, stop = tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.float32)
        self._accumulate = _compiled(self._run_accumulate, (batch_spec, place))
        self._update = _compiled(self._run_update, (batch_spec, stop))
        self._evaluate = _compiled(self._run_evaluate, (batch_spec,))

    def train(self, micro_batches: Sequence[Batch], stop_requested: bool = False) -> Sums:
        """Updates the model once, with the gradient of several micro-batches.

        They are computed one after the other, each in a call of its own, so that the activations
        of one at a time are in memory.

        Args:
            micro_batches: `accumulation_steps` of them.
            stop_requested: whether this worker wants to stop.

        Returns:
            Over all replicas, float32 scalars: the sums of `metrics.batch_loss_and_sums`; "stop",
            above 0 in every worker when one of them wants to stop; "gradient_norm", before
            clipping. Where that is not finite, nothing was updated.
        """
        *before, last = micro_batches
        parts = [
            self._accumulate(batch, tf.constant(place, tf.int64))
            for place, batch in enumerate(before)
        ]
        totals = self._update(last, tf.constant(stop_requested, tf.float32))
        for part in parts:
            totals |= {name: totals[name] + value for name, value in part.items()}
        return totals

    def evaluate(self, batch: Batch) -> tuple[Sums, Rows]:
        """Returns the sums of `metrics.batch_loss_and_sums` over replicas, without dropout, and
        `metrics.row_predictions` of all replicas' rows, in the order of the replicas."""
        return self._evaluate(batch)

    def _run_accumulate(self, batch: Batch, place: tf.Tensor) -> Sums:
        return self._summed(self._strategy.run(self._replica_accumulate, args=(batch, place)))

    def _run_update(self, batch: Batch, stop: tf.Tensor) -> Sums:
        norm, sums = self._strategy.run(self._replica_update, args=(batch, stop))
        # The same on all replicas: the mean would be another number where it is not finite.
        norm = self._strategy.experimental_local_results(norm)[0]
        return {"gradient_norm": norm, **self._summed(sums)}

    def _run_evaluate(self, batch: Batch) -> tuple[Sums, Rows]:
        sums, rows = self._strategy.run(self._sums_and_rows, args=(batch,))
        gathered = {name: self._strategy.gather(value, axis=0) for name, value in rows.items()}
        return self._summed(sums), gathered

    def _replica_accumulate(self, batch: Batch, place: tf.Tensor) -> Sums:
        gradients, sums = self._scaled_gradients(batch, place)
        self._gradient_sums.add(gradients)
        return sums

    def _replica_update(self, batch: Batch, stop: tf.Tensor) -> tuple[tf.Tensor, Sums]:
        place = tf.constant(self._accumulation_steps - 1, tf.int64)
        gradients, sums = self._scaled_gradients(batch, place)
        if self._accumulation_steps > 1:
            self._gradient_sums.add(gradients)
            gradients = self._gradient_sums.take()
        norm = self._optimizer.apply(gradients, self._model.trainable_variables)
        return norm, {"stop": stop, **sums}

    def _scaled_gradients(self, batch: Batch, place: tf.Tensor) -> tuple[list[Gradient], Sums]:
        context = tf.distribute.get_replica_context()
        done = tf.cast(self._optimizer.iterations.value, tf.int64) * self._accumulation_steps
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        draw = (done + place) * context.num_replicas_in_sync + replica
        return self._gradients_and_sums(batch, draw, self._optimizer.loss_scale)

    def _differentiate(
        self, batch: Batch, draw: tf.Tensor, loss_scale: tf.Tensor
    ) -> tuple[list[Gradient], Sums]:
        variables = [variable.value for variable in self._model.trainable_variables]
        with tf.GradientTape() as tape:
            outputs = self._outputs(batch, training=True, draw=draw)
            loss, sums = batch_loss_and_sums(self._objective, outputs, batch)
            loss *= loss_scale
        # A head may leave a layer unused: the span model has no use for the pooler.
        return tape.gradient(loss, variables, unconnected_gradients="zero"), sums

    def _evaluate_replica(self, batch: Batch) -> tuple[Sums, Rows]:
        outputs = self._outputs(batch, training=False, draw=tf.zeros([], tf.int64))
        _, sums = batch_loss_and_sums(self._objective, outputs, batch)
        return sums, row_predictions(outputs, batch)

    def _outputs(self, batch: Batch, training: bool, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._forward({name: batch[name] for name in INPUTS}, training, draw)

    def _summed(self, sums: Sums) -> Sums:
        """Adds up over replicas, all numbers in one message."""
        names = sorted(sums)
        values = self._strategy.run(lambda each: tf.stack([each[name] for name in names]), (sums,))
        total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
        return dict(zip(names, tf.unstack(total, len(names)), strict=True))


def _compiled(
    function: Callable[..., Any],
    signature: tuple[Any, ...] = (None,),
    jit_compile: bool = False,
) -> Callable[..., Any]:
    return tf.function(
        function,
        input_signature=None if signature[0] is None else signature,
        jit_compile=jit_compile,
        autograph=False,  # there is nothing for it, and it takes a third of the tracing
    )


class _GradientSums:
    """Sums of gradients over micro-batches, each replica's own. Make it in the strategy's scope."""

    def __init__(self, variables: list[keras.Variable]):
        self._sums = [
            tf.Variable(
                tf.zeros(variable.shape),
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
            for variable in variables
        ]

    def add(self, gradients: list[Gradient]) -> None:
        """Adds a micro-batch's gradients, in the replica's context."""
        for total, gradient in zip(self._sums, gradients, strict=True):
            if isinstance(gradient, tf.IndexedSlices):
                tf.raw_ops.ResourceScatterAdd(
                    resource=total.handle, indices=gradient.indices, updates=gradient.values
                )
            else:
                tf.raw_ops.AssignAddVariableOp(resource=total.handle, value=gradient)

    def take(self) -> list[tf.Tensor]:
        """Returns the sums and sets them to 0, in the replica's context."""
        taken = [
            tf.raw_ops.ReadVariableOp(resource=total.handle, dtype=tf.float32)
            for total in self._sums
        ]
        for total, values in zip(self._sums, taken, strict=True):
            tf.raw_ops.AssignVariableOp(resource=total.handle, value=tf.zeros_like(values))
        return taken
