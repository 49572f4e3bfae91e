"""Plans of batches -> tf.data: what the replicas of a strategy are fed, made ahead in a thread."""

import itertools
import time
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from trainer.examples import Examples
from trainer.input_pipeline import Batch, Sharding, replica_batches

AHEAD = 2  # micro-batches made before they are asked for


class Feed:
    """Feeds a split to a strategy, one plan after the other.

    One dataset serves them all: TensorFlow never frees the Python function of one, nor the plan
    that it holds.

    Args:
        strategy: the run's.
        examples: the split.
        sharding: of the plans; by default whole batches over the strategy's replicas.

    Attributes:
        spec: the type of a batch, for a signature: its shapes are free.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        examples: Examples,
        sharding: Sharding | None = None,
    ):
        self._examples, self._plan = examples, list[np.ndarray]()
        self._sharding = sharding or Sharding(strategy.num_replicas_in_sync)
        self._dataset = strategy.distribute_datasets_from_function(self._worker_dataset)
        self.spec = self._dataset.element_spec

    def batches(self, plan: list[np.ndarray]) -> Iterator[dict[str, tf.Tensor]]:
        """Yields the micro-batches of a plan, each with the values of all local replicas.

        Args:
            plan: row numbers of each global batch, sorted by length.
        """
        self._plan = plan  # read by the first batch, so that a later plan changes nothing here
        if plan:
            yield from self._dataset

    def _worker_dataset(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        local = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * local
        replicas = range(first, first + local)
        return tf.data.Dataset.from_generator(
            lambda: replica_batches(self._examples, self._plan, replicas, self._sharding),
            output_signature=_signature(self._examples),
        ).prefetch(AHEAD * local)


class Updates:
    """The micro-batches of each update of a plan; notes how long the loop waits for them.

    Attributes:
        waited_s: seconds that the last update's micro-batches took to come.
    """

    def __init__(self, batches: Iterable[Batch], micro_batches: int):
        self._batches, self._micro_batches = batches, micro_batches
        self.waited_s = 0.0

    def __iter__(self) -> Iterator[list[Batch]]:
        started, batches = time.monotonic(), iter(self._batches)
        while update := list(itertools.islice(batches, self._micro_batches)):
            self.waited_s = time.monotonic() - started
            yield update
            started = time.monotonic()


def _signature(examples: Examples) -> dict[str, tf.TensorSpec]:
    tokens = tf.TensorSpec([None, None], tf.int32)
    return {
        "token_ids": tokens,
        "segment_ids": tokens,
        "padding_mask": tokens,
        "weight": tf.TensorSpec([None], tf.float32),
        "row": tf.TensorSpec([None], tf.int32),
        **{name: tf.TensorSpec([None], tf.int32) for name in examples.labels},
    }
