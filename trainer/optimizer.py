"""AdamW as BERT is fine-tuned with: warm-up, linear decay, clipping, loss scaling."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from trainer.tensorflow_keras import keras

BETA_2 = 0.999  # google-research/bert optimization.py, with epsilon
EPSILON = 1e-6
# Keras's LossScaleOptimizer and PyTorch's GradScaler count to 2000, too.
FIRST_LOSS_SCALE, LEAST_LOSS_SCALE, GROWTH_UPDATES = 2.0**15, 1.0, 2000

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


class WarmupLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to `peak` over `warmup_steps`, then falls linearly to 0."""

    def __init__(self, peak: float, total_steps: int, warmup_steps: int):
        super().__init__()
        self._peak, self._total_steps, self._warmup_steps = peak, total_steps, warmup_steps

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """The learning rate, float32, of step 0, 1, … The first step is not lost: its rate is
        peak / warmup_steps, or peak without warm-up."""
        done = tf.cast(step, tf.float32)
        warm = (done + 1.0) / max(1, self._warmup_steps)
        left = (self._total_steps - done) / max(1, self._total_steps - self._warmup_steps)
        return self._peak * tf.minimum(1.0, tf.minimum(warm, tf.maximum(left, 0.0)))

    def get_config(self) -> dict[str, float | int]:
        return {
            "peak": self._peak,
            "total_steps": self._total_steps,
            "warmup_steps": self._warmup_steps,
        }


class ClippedAdamW(keras.optimizers.AdamW):
    """AdamW that clips the gradient summed over replicas, scales losses, and fuses the update.

    Keras clips before it sums, so that two replicas would not train as one does. Here every
    replica updates its own copy of each variable with the same sum. `ResourceApplyAdam` reads and
    writes every value once.

    The update is that of Loshchilov & Hutter 2019, algorithm 2, as in PyTorch: epsilon is added to
    the root of the corrected second moment. Keras and TensorFlow add it to that of the raw one (the
    "epsilon hat" of Kingma & Ba 2015, section 2), where it weighs 1 / sqrt(1 - beta_2^step) as
    much: 30 times at the first step, and weights of small gradients would hardly move.

    An update whose gradient is not finite is left out on all replicas: the weights, the moments
    and `iterations`, which the learning rate follows, stay as they were (as in Keras's
    LossScaleOptimizer; PyTorch's scheduler counts the step).

    Args:
        learning_rate: a number or a schedule.
        clipping_norm: the largest global norm of the gradient, or 0 for any.
        loss_scaling: keep a loss scale: doubled after `GROWTH_UPDATES` finite updates in a row,
            halved after one that is not (Micikevicius et al. 2018, section 3.2).
        rate_scales: what the learning rate of each variable is multiplied with, decay included;
            () for 1.
        more: of Keras's AdamW.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        clipping_norm: float,
        loss_scaling: bool = False,
        rate_scales: Sequence[float] = (),
        **more: Any,
    ):
        super().__init__(learning_rate, **more)
        self._clipping_norm, self._loss_scaling = clipping_norm, loss_scaling
        self._rate_scales = tuple(rate_scales)

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        if self._loss_scaling:
            self._scale = self.add_variable(
                (), keras.initializers.Constant(FIRST_LOSS_SCALE), name="loss_scale"
            )
            self._finite_updates = self.add_variable((), dtype="int64", name="finite_updates")

    @property
    def loss_scale(self) -> tf.Tensor:
        """What to multiply the loss with before its gradient is taken, float32; 1 without."""
        return tf.convert_to_tensor(self._scale.value) if self._loss_scaling else tf.ones([])

    def apply(self, gradients: list[Gradient], variables: list[keras.Variable]) -> tf.Tensor:
        """Sums the replicas' gradients and updates the variables. Call it in each replica.

        Args:
            gradients: of the replica's part of the loss times `loss_scale`, one per variable.
            variables: of those that the optimizer was built for.

        Returns:
            The global norm of the summed gradient of the loss before clipping, float32 scalar.
            Where it is not finite, nothing was updated.
        """
        context = tf.distribute.get_replica_context()
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        summed = [add_repeated_rows(gradient) for gradient in summed]
        norm = tf.linalg.global_norm(summed) / self.loss_scale
        tf.cond(
            tf.math.is_finite(norm), lambda: self._update(summed, variables, norm), self._leave_out
        )
        return norm

    def _update(
        self, gradients: list[Gradient], variables: list[keras.Variable], norm: tf.Tensor
    ) -> None:
        factor = 1.0 / self.loss_scale
        if self._clipping_norm:
            factor *= self._clipping_norm / tf.maximum(norm, self._clipping_norm)
        learning_rate = self.learning_rate
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(_scaled(gradient, factor), variable, learning_rate)
        _assign(self._iterations, self._iterations.value + 1)
        if self._loss_scaling:
            self._count_finite_update()

    def update_step(
        self, gradient: Gradient, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Updates the replica's copy of one variable."""
        index = self._get_variable_index(variable)
        if self._rate_scales:
            learning_rate = learning_rate * self._rate_scales[index]
        step = tf.cast(self._iterations.value + 1, tf.float32)
        beta_2_power = tf.pow(self.beta_2, step)
        if self._use_weight_decay(variable):
            decay = learning_rate * self.weight_decay
            tf.raw_ops.AssignSubVariableOp(
                resource=variable.value.handle, value=variable.value * decay
            )
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=beta_2_power,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon * tf.sqrt(1.0 - beta_2_power),
            grad=tf.convert_to_tensor(gradient),
        )

    def _count_finite_update(self) -> None:
        count = self._finite_updates.value + 1
        grows = tf.equal(count, GROWTH_UPDATES)
        _assign(self._scale, tf.where(grows, 2.0, 1.0) * self._scale.value)
        _assign(self._finite_updates, tf.where(grows, tf.zeros_like(count), count))

    def _leave_out(self) -> None:
        if self._loss_scaling:
            _assign(self._scale, tf.maximum(self._scale.value / 2.0, LEAST_LOSS_SCALE))
            _assign(self._finite_updates, tf.zeros([], tf.int64))


def add_repeated_rows(gradient: Gradient) -> Gradient:
    """Adds up the rows of a sparse gradient that belong to the same row of the variable.

    An embedding's gradient has a row for each token. Its norm is that of the sums.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    sums = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(sums, rows, gradient.dense_shape)


def _scaled(gradient: Gradient, factor: tf.Tensor) -> Gradient:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * factor


def _assign(variable: keras.Variable, value: tf.Tensor) -> None:
    """Sets the replica's own copy: `assign` would join the replicas, which `tf.cond` forbids."""
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)


def build_optimizer(
    model: keras.Model,
    learning_rate: float,
    total_steps: int,
    warmup_fraction: float,
    weight_decay: float,
    clipping_norm: float = 1.0,
    loss_scaling: bool = False,
    rate_scales: Sequence[float] = (),
) -> ClippedAdamW:
    """The optimizer of a run, with its variables made. Call it in the strategy's scope.

    Args:
        model: its trainable variables are optimized.
        learning_rate: the peak, reached at the end of warm-up.
        total_steps: of the whole run; the learning rate is 0 after them.
        warmup_fraction: share of `total_steps`.
        weight_decay: per step, times the learning rate; not on biases and LayerNorm.
        clipping_norm: the largest global norm of the gradient, or 0 for any.
        loss_scaling: as float16 needs it.
        rate_scales: of each trainable variable, see `ClippedAdamW`.
    """
    schedule = WarmupLinearDecay(learning_rate, total_steps, round(warmup_fraction * total_steps))
    optimizer = ClippedAdamW(
        schedule,
        clipping_norm,
        loss_scaling,
        rate_scales,
        weight_decay=weight_decay,
        beta_2=BETA_2,
        epsilon=EPSILON,
    )
    optimizer.exclude_from_weight_decay(var_list=undecayed_variables(model))
    optimizer.build(model.trainable_variables)
    return optimizer


def undecayed_variables(model: keras.Model) -> list[keras.Variable]:
    """The trainable variables without weight decay: biases, and LayerNorm's gamma and beta."""
    return [v for v in model.trainable_variables if v.name in ("bias", "gamma", "beta")]
