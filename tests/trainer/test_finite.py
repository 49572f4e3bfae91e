"""trainer/finite.py."""

import math
import pathlib

import pytest
import tensorflow as tf

from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.finite import LossCheck, StepPlace, check_evaluation, check_weights

PLACE = StepPlace(epoch=2, step=7, saved=100, checkpoints=pathlib.Path("run/checkpoints"))


def config(**fields):
    return TrainConfig(task="imdb", data_dir="data", output_dir="run", **fields)


def test_a_loss_that_is_not_finite_names_step_and_checkpoint():
    with pytest.raises(InputError) as caught:
        LossCheck(config(precision="bfloat16")).counts(math.nan, math.nan, PLACE)
    assert str(caught.value) == (
        "the loss is nan at step 7 of epoch 2. The checkpoint after 100 steps of the run is "
        "kept in run/checkpoints. Try a smaller --learning_rate than 5e-05, a larger "
        "--warmup_fraction than 0.1, or --precision float32, in another --output_dir or with "
        "--overwrite."
    )


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(0.5, math.inf, 512.0)] * 20, id="the-scale-can-still-fall"),
        pytest.param([(0.5, math.inf, 1.0)] * 4 + [(0.5, 2.0, 1.0)], id="recovers"),
        pytest.param(([(math.nan, math.nan, 1.0)] * 4 + [(0.5, 2.0, 1.0)]) * 2, id="not-in-a-row"),
    ],
)
def test_with_a_loss_scale_overflows_pass(steps):
    check = LossCheck(config(precision="float16"))
    for loss, norm, scale in steps:
        assert check.counts(loss, norm, PLACE, scale) == math.isfinite(loss)


def test_with_the_least_loss_scale_five_overflows_in_a_row_stop():
    check = LossCheck(config(precision="float16"))
    for _ in range(4):
        assert check.counts(0.5, math.inf, PLACE, 1.0)
    message = "the norm of the gradient is inf, as in the 4 steps before it at step 7 of epoch 2"
    with pytest.raises(InputError, match=message):
        check.counts(0.5, math.inf, PLACE, 1.0)


def test_a_gradient_that_is_not_finite():
    with pytest.raises(InputError, match="the norm of the gradient is inf at step 7 of epoch 2"):
        LossCheck(config()).counts(0.5, math.inf, PLACE)


def test_weights_that_are_not_finite_are_not_saved():
    check_weights([tf.Variable([1.0, 2.0])], PLACE)
    broken = tf.Variable([1.0, math.inf], name="kernel")
    with pytest.raises(InputError, match=r"the weights kernel.* are not finite after step 7 of"):
        check_weights([tf.Variable([1.0]), broken], PLACE)


def test_an_evaluation_that_is_not_finite():
    check_evaluation("validation", 3.0, 1)
    with pytest.raises(InputError, match="the loss over validation is inf after epoch 1"):
        check_evaluation("validation", math.inf, 1)
