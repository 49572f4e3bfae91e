"""trainer/feed.py."""

import gc
import time
import types
import weakref

import numpy as np
import pytest
import tensorflow as tf

from trainer.examples import Examples
from trainer.feed import Feed, Updates

LABELS = Examples(  # rows of one token
    token_ids=np.full(4, 2, np.int32),
    segment_ids=None,
    offsets=np.arange(5),
    labels={"label": np.array([5, 6, 7, 8], np.int32)},
)
FIRST, SECOND = [np.array([0, 2]), np.array([1])], [np.array([3]), np.array([1])]


@pytest.fixture
def feed():
    return Feed(tf.distribute.OneDeviceStrategy("CPU:0"), LABELS)


def labels(batches):
    return [batch["label"].numpy().tolist() for batch in batches]


def test_batches_follow_the_plan(feed):
    assert labels(feed.batches(FIRST)) == [[5, 7], [6]]
    assert labels(feed.batches(SECOND)) == [[8], [6]]
    assert labels(feed.batches([])) == []


def test_a_plan_under_way_goes_on_after_another(feed):
    first, second = feed.batches(FIRST), feed.batches(SECOND)
    assert labels([next(first), next(second)]) == [[5, 7], [8]]
    assert labels(first) == [[6]]
    assert labels(second) == [[6]]


def functions():
    gc.collect()
    return sum(isinstance(each, types.FunctionType) for each in gc.get_objects())


def test_plans_leave_nothing_in_memory(feed):
    list(feed.batches(FIRST))
    rows, before = np.array([2, 3]), functions()
    kept = weakref.ref(rows)
    for _ in range(10):
        list(feed.batches([rows]))
    del rows
    list(feed.batches(FIRST))
    assert functions() - before < 10
    assert kept() is None


def test_updates_group_micro_batches_and_note_the_wait():
    def slow_batches():
        for number in range(4):
            time.sleep(0.02)
            yield {"number": number}

    updates = Updates(slow_batches(), 2)
    waits = []
    for expected, update in zip(([0, 1], [2, 3]), updates, strict=True):
        assert [batch["number"] for batch in update] == expected
        waits.append(updates.waited_s)
        time.sleep(0.2)  # the step itself is not waiting
    assert all(0.04 <= wait < 0.2 for wait in waits)
