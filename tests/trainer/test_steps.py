"""trainer/steps.py on one device."""

import pytest
import tensorflow as tf

from preprocessing.dataset_info import load_info
from tests.trainer.tiny import ARCHITECTURE
from trainer.encoder import fast_forward
from trainer.input_pipeline import (
    Sharding,
    batch_spec,
    distributed_batches,
    epoch_plan,
    load_split,
)
from trainer.models import task_model
from trainer.optimizer import build_optimizer
from trainer.presets import new_backbone
from trainer.steps import Steps

ONE_DEVICE = tf.distribute.OneDeviceStrategy("CPU:0")


@pytest.fixture(scope="module")
def examples(imdb_data):
    return load_split(imdb_data, load_info(imdb_data), "train")


def test_a_step_is_traced_once_for_all_shapes(examples):
    backbone = new_backbone(ARCHITECTURE, "float32")
    model = task_model("imdb", backbone)
    forward, traced = fast_forward(model, backbone, 0), []

    def noting_forward(inputs, training, draw):
        traced.append("train" if training else "evaluate")
        return forward(inputs, training, draw)

    optimizer = build_optimizer(model, 1e-3, 100, 0.1, 0.01)
    spec = batch_spec(ONE_DEVICE, examples)
    steps = Steps("imdb", noting_forward, model, optimizer, ONE_DEVICE, spec)
    plan = epoch_plan(examples.lengths, 8, seed=0, epoch=0)
    batches = list(distributed_batches(ONE_DEVICE, examples, plan, Sharding()))
    assert len({tuple(batch["token_ids"].shape) for batch in batches}) > 2
    for batch in batches:
        steps.train([batch])
        steps.evaluate(batch)
    assert traced == ["train", "evaluate"]
