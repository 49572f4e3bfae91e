"""One step of training and one of evaluation, on every replica of a strategy."""

import tensorflow as tf

from trainer.encoder import Forward
from trainer.fine_tuning import Objective
from trainer.metrics import batch_loss_and_sums, row_predictions
from trainer.models import INPUTS
from trainer.tensorflow_keras import keras

Batch = dict[str, tf.Tensor]
Sums = dict[str, tf.Tensor]
Rows = dict[str, tf.Tensor]


class Steps:
    """The two compiled steps of a run. Make it in no scope, call it from no scope.

    Args:
        objective: what the loss is of.
        forward: the model's computation.
        model: its trainable variables are trained; made in the strategy's scope.
        optimizer: built on the model; sums the gradients over the replicas by itself.
        strategy: the run's.
        batch_spec: of `input_pipeline.batch_spec`. With it each step is traced once, for any shape,
            so that a run that goes on computes with the very graph of one that never stopped.
        jit_compile: compile forward and backward pass with XLA. The update stays outside, since
            XLA cannot sum over replicas.
    """

    def __init__(
        self,
        objective: Objective,
        forward: Forward,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        batch_spec: dict[str, tf.TypeSpec],
        jit_compile: bool = False,
    ):
        self._objective, self._forward, self._strategy = objective, forward, strategy
        self._model, self._optimizer = model, optimizer
        self._gradients_and_sums = tf.function(self._differentiate, jit_compile=jit_compile)
        self._sums_and_rows = tf.function(self._evaluate_replica, jit_compile=jit_compile)
        self._train_all = tf.function(self._run_train, input_signature=[batch_spec])
        self._evaluate_all = tf.function(self._run_evaluate, input_signature=[batch_spec])

    def train(self, batch: Batch) -> Sums:
        """Updates the model; returns the sums of `metrics.batch_loss_and_sums` over replicas."""
        return self._train_all(batch)

    def evaluate(self, batch: Batch) -> tuple[Sums, Rows]:
        """Returns the sums of `metrics.batch_loss_and_sums` over replicas, without dropout, and
        `metrics.row_predictions` of all replicas' rows, in the order of the replicas."""
        return self._evaluate_all(batch)

    def _run_train(self, batch: Batch) -> Sums:
        return self._summed(self._strategy.run(self._replica_train, args=(batch,)))

    def _run_evaluate(self, batch: Batch) -> tuple[Sums, Rows]:
        sums, rows = self._strategy.run(self._sums_and_rows, args=(batch,))
        gathered = {name: self._strategy.gather(value, axis=0) for name, value in rows.items()}
        return self._summed(sums), gathered

    def _replica_train(self, batch: Batch) -> Sums:
        context = tf.distribute.get_replica_context()
        done = tf.cast(self._optimizer.iterations.value, tf.int64)
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        draw = done * context.num_replicas_in_sync + replica
        gradients, sums = self._gradients_and_sums(batch, draw)
        self._optimizer.apply(gradients, self._model.trainable_variables)
        return sums

    def _differentiate(self, batch: Batch, draw: tf.Tensor) -> tuple[list[tf.Tensor], Sums]:
        variables = [variable.value for variable in self._model.trainable_variables]
        with tf.GradientTape() as tape:
            loss, sums = self._measure(batch, training=True, draw=draw)
        # A head may leave a layer unused: the span model has no use for the pooler.
        return tape.gradient(loss, variables, unconnected_gradients="zero"), sums

    def _evaluate_replica(self, batch: Batch) -> tuple[Sums, Rows]:
        outputs = self._outputs(batch, training=False, draw=tf.zeros([], tf.int64))
        _, sums = batch_loss_and_sums(self._objective, outputs, batch)
        return sums, row_predictions(outputs, batch)

    def _measure(self, batch: Batch, training: bool, draw: tf.Tensor) -> tuple[tf.Tensor, Sums]:
        return batch_loss_and_sums(self._objective, self._outputs(batch, training, draw), batch)

    def _outputs(self, batch: Batch, training: bool, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._forward({name: batch[name] for name in INPUTS}, training, draw)

    def _summed(self, sums: Sums) -> Sums:
        return {
            name: self._strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in sums.items()
        }
