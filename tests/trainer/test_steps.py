"""trainer/steps.py on one device."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.dataset_info import load_info
from tests.trainer.tiny import ARCHITECTURE
from trainer.encoder import fast_forward
from trainer.examples import load_split
from trainer.feed import Feed, Updates
from trainer.fine_tuning import Objective
from trainer.input_pipeline import Sharding, epoch_plan
from trainer.models import task_model
from trainer.optimizer import build_optimizer
from trainer.presets import new_backbone
from trainer.steps import Steps
from trainer.tensorflow_keras import keras

ONE_DEVICE = tf.distribute.OneDeviceStrategy("CPU:0")


@pytest.fixture(scope="module")
def examples(imdb_data):
    return load_split(imdb_data, load_info(imdb_data), "train")


def make_steps(examples, precision="float32", accumulation_steps=1):
    """Steps, with their optimizer and model, of a run without dropout."""
    keras.utils.set_random_seed(0)
    backbone = new_backbone(ARCHITECTURE | {"dropout": 0.0}, precision)
    model = task_model("imdb", backbone, 0.0)
    optimizer = build_optimizer(model, 5e-3, 600, 0.0, 0.01, 1.0, precision == "float16")
    forward, spec = fast_forward(model, backbone, 0, True), Feed(ONE_DEVICE, examples).spec
    steps = Steps(
        Objective(task="imdb"),
        forward,
        model,
        optimizer,
        ONE_DEVICE,
        spec,
        accumulation_steps=accumulation_steps,
    )
    return steps, optimizer, model


def epoch(examples, number, micro_batches=1):
    plan = epoch_plan(examples.lengths, 8, seed=0, epoch=number)
    sharding = Sharding(1, micro_batches)
    return Updates(Feed(ONE_DEVICE, examples, sharding).batches(plan), micro_batches)


def gradient_norm(examples, micro_batches):
    """Of the first update of an epoch."""
    steps, _, _ = make_steps(examples, accumulation_steps=micro_batches)
    return float(steps.train(next(iter(epoch(examples, 0, micro_batches))))["gradient_norm"])


def test_micro_batches_give_the_gradient_of_the_batch(examples):
    assert gradient_norm(examples, 3) == pytest.approx(gradient_norm(examples, 1), rel=1e-5)


def test_a_stop_that_is_asked_for_is_in_the_sums(examples):
    steps, _, _ = make_steps(examples)
    update = next(iter(epoch(examples, 0)))
    stops = [float(steps.train(update, stop_requested=asked)["stop"]) for asked in (False, True)]
    assert stops == [0.0, 1.0]


def test_an_update_that_overflows_is_left_out(examples):
    steps, optimizer, model = make_steps(examples, "float16")
    next(v for v in optimizer.variables if v.name == "loss_scale").assign(2.0**24)
    update, before = next(iter(epoch(examples, 0))), model.get_weights()
    first = steps.train(update)
    assert not np.isfinite(first["gradient_norm"])
    assert float(optimizer.loss_scale) == 2.0**23
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    sums = [steps.train(update) for _ in range(20)]
    assert np.isfinite(sums[-1]["gradient_norm"])
    assert float(sums[-1]["loss"]) < float(first["loss"])


def resident_mib():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_memory_does_not_grow_over_500_steps(examples):
    (steps, _, _), feed, sizes = make_steps(examples), Feed(ONE_DEVICE, examples), []
    for number in range(50):  # of 12 steps each
        for batch in feed.batches(epoch_plan(examples.lengths, 8, seed=0, epoch=number)):
            steps.train([batch])
        sizes.append(resident_mib())
    assert sizes[-1] - sizes[7] < 6, sizes


def test_a_step_is_traced_once_for_all_shapes(examples):
    backbone = new_backbone(ARCHITECTURE, "float32")
    model = task_model("imdb", backbone)
    forward, traced = fast_forward(model, backbone, 0, True), []

    def noting_forward(inputs, training, draw):
        traced.append("train" if training else "evaluate")
        return forward(inputs, training, draw)

    optimizer = build_optimizer(model, 1e-3, 100, 0.1, 0.01)
    spec = Feed(ONE_DEVICE, examples).spec
    steps = Steps(Objective(task="imdb"), noting_forward, model, optimizer, ONE_DEVICE, spec)
    plan = epoch_plan(examples.lengths, 8, seed=0, epoch=0)
    batches = list(Feed(ONE_DEVICE, examples).batches(plan))
    assert len({tuple(batch["token_ids"].shape) for batch in batches}) > 2
    for batch in batches:
        steps.train([batch])
        steps.evaluate(batch)
    assert traced == ["train", "evaluate"]
