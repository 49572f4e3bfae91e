"""Trains with every precision and accumulation under a strategy, and prints the losses as JSON.

python -m tests.trainer.matrix data_dir all one_device mirrored, or, in each of two workers,
python -m tests.trainer.matrix data_dir few multi_worker.
"""

import json
import pathlib
import sys

import tensorflow as tf

from preprocessing.dataset_info import load_info
from tests.trainer.tiny import ARCHITECTURE
from trainer.distribution import make_strategy
from trainer.encoder import fast_forward
from trainer.examples import load_split
from trainer.feed import Feed, Updates
from trainer.fine_tuning import Objective
from trainer.input_pipeline import Sharding, epoch_plan, evaluation_plan
from trainer.models import task_model
from trainer.optimizer import build_optimizer
from trainer.presets import new_backbone
from trainer.steps import Steps
from trainer.tensorflow_keras import keras

EPOCHS, BATCH = 2, 16
ALL = [(precision, k) for precision in ("float32", "bfloat16", "float16") for k in (1, 2)]
CELLS = {"all": ALL, "few": [("float32", 1), ("bfloat16", 2), ("float16", 2)]}


def train_cell(strategy, examples, precision, accumulation_steps):
    """The mean loss of each epoch, and the sums of an evaluation after them."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        backbone = new_backbone(ARCHITECTURE | {"dropout": 0.0}, precision)
        model = task_model("squad", backbone, 0.0)
        optimizer = build_optimizer(model, 5e-3, 30, 0.1, 0.01, 1.0, precision == "float16")
    feed = Feed(strategy, examples, Sharding(strategy.num_replicas_in_sync, accumulation_steps))
    steps = Steps(
        Objective(task="squad"),
        fast_forward(model, backbone, 0, first_token_only=False),
        model,
        optimizer,
        strategy,
        feed.spec,
        accumulation_steps=accumulation_steps,
    )
    losses = []
    for epoch in range(EPOCHS):
        batches = feed.batches(epoch_plan(examples.lengths, BATCH, 0, epoch))
        sums = [steps.train(update) for update in Updates(batches, accumulation_steps)]
        losses.append(sum(float(each["loss"]) for each in sums) / examples.rows)
        assert sum(float(each["examples"]) for each in sums) == examples.rows
        assert sum(float(each["stop"]) for each in sums) == 0
    measured = (precision, accumulation_steps) == ALL[0]
    return {"losses": losses, "sums": evaluate(strategy, examples, steps) if measured else None}


def evaluate(strategy, examples, steps):
    """The sums over all examples."""
    plan = evaluation_plan(examples.lengths, BATCH)
    batches = Feed(strategy, examples).batches(plan)
    sums = [steps.evaluate(batch)[0] for batch in batches]
    return {name: sum(float(each[name]) for each in sums) for name in sums[0]}


def main(data_dir, cells, *names):
    """Prints strategy -> "precision accumulation" -> losses and evaluation."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    replicas = 2 if "mirrored" in names else 1
    devices = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, devices)
    folder, found = pathlib.Path(data_dir), {}
    for name in names:
        strategy = make_strategy(name)
        examples = load_split(folder, load_info(folder), "train")
        found[name] = {
            f"{precision} {k}": train_cell(strategy, examples, precision, k)
            for precision, k in CELLS[cells]
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
