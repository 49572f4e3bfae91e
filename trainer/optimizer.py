"""AdamW as BERT is fine-tuned with: warm-up, linear decay, clipping, no decay on biases."""

from collections.abc import Sequence

import tensorflow as tf

from trainer.tensorflow_keras import keras

BETA_2 = 0.999  # google-research/bert optimization.py, with epsilon and the clipping norm
EPSILON = 1e-6
CLIPPING_NORM = 1.0


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
    """AdamW that clips the gradients summed over replicas, and updates with one fused op.

    Keras clips before it sums, so that two replicas would not train as one does. The update is
    Adam's own formula: `ResourceApplyAdam` reads and writes every value once.

    Attributes:
        rate_scales: what the learning rate of each variable is multiplied with, decay included;
            () for 1.
    """

    rate_scales: Sequence[float] = ()

    def _all_reduce_sum_gradients(self, grads_and_vars):
        summed = super()._all_reduce_sum_gradients(grads_and_vars)
        gradients, _ = tf.clip_by_global_norm([g for g, _ in summed], CLIPPING_NORM)
        return list(zip(gradients, [v for _, v in summed], strict=True))

    def _apply_weight_decay(self, variables):
        """Nothing: `update_step` decays each variable, at the variable's own rate."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if self.rate_scales:
            learning_rate = learning_rate * self.rate_scales[index]
        if self._use_weight_decay(variable):
            variable.assign_sub(variable * (self.weight_decay * learning_rate))
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )


def build_optimizer(
    model: keras.Model,
    learning_rate: float,
    total_steps: int,
    warmup_fraction: float,
    weight_decay: float,
    rate_scales: Sequence[float] = (),
) -> ClippedAdamW:
    """The optimizer of a run, with its variables made. Call it in the strategy's scope.

    Args:
        model: its trainable variables are optimized.
        learning_rate: the peak, reached at the end of warm-up.
        total_steps: of the whole run; the learning rate is 0 after them.
        warmup_fraction: share of `total_steps`.
        weight_decay: per step, times the learning rate; not on biases and LayerNorm.
        rate_scales: of each trainable variable, see `ClippedAdamW`.
    """
    schedule = WarmupLinearDecay(learning_rate, total_steps, round(warmup_fraction * total_steps))
    optimizer = ClippedAdamW(schedule, weight_decay=weight_decay, beta_2=BETA_2, epsilon=EPSILON)
    optimizer.exclude_from_weight_decay(var_list=undecayed_variables(model))
    optimizer.rate_scales = tuple(rate_scales)
    optimizer.build(model.trainable_variables)
    return optimizer


def undecayed_variables(model: keras.Model) -> list[keras.Variable]:
    """The trainable variables without weight decay: biases, and LayerNorm's gamma and beta."""
    return [v for v in model.trainable_variables if v.name in ("bias", "gamma", "beta")]
