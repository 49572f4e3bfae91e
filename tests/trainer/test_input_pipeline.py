"""trainer/input_pipeline.py."""

import numpy as np
import pytest

from trainer.examples import Examples
from trainer.input_pipeline import (
    Sharding,
    epoch_plan,
    evaluation_plan,
    make_batch,
    padded_length,
    padding_share,
    replica_batches,
)

THREE = Examples(  # rows of 2, 3 and 1 tokens
    token_ids=np.array([2, 3, 2, 9, 3, 2], np.int32),
    segment_ids=np.array([0, 0, 0, 1, 1, 0], np.int32),
    offsets=np.array([0, 2, 5, 6]),
    labels={"start_token": np.array([0, 1, 0], np.int32)},
)


@pytest.mark.parametrize("rows", [1, 32, 33, 5000])
def test_epoch_plan_has_every_row_once(rows):
    lengths = np.random.default_rng(1).integers(5, 257, rows)
    plan = epoch_plan(lengths, global_batch_size=32, seed=0, epoch=3)
    assert len(plan) == -(-rows // 32)
    assert sorted(np.concatenate(plan)) == list(range(rows))
    assert sorted(len(batch) for batch in plan)[1:] == [32] * (len(plan) - 1)


def test_epoch_plan_pads_little():
    lengths = np.random.default_rng(1).integers(5, 257, 5000)
    plan = epoch_plan(lengths, global_batch_size=32, seed=0, epoch=0)
    padded = sum(len(batch) * lengths[batch].max() for batch in plan)
    assert lengths.sum() / padded > 0.95  # in random batches it is about 0.53


def test_epoch_plan_depends_on_seed_and_epoch_alone():
    lengths = np.arange(100)
    plans = [
        np.concatenate(epoch_plan(lengths, 8, seed, epoch)).tolist()
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    ]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]
    assert plans[0] != plans[3]


def test_evaluation_plan_is_sorted_by_length():
    plan = evaluation_plan(np.array([7, 3, 5, 3, 9]), global_batch_size=2)
    assert [batch.tolist() for batch in plan] == [[1, 3], [2, 0], [4]]


@pytest.mark.parametrize(
    ("longest", "fixed_shapes", "expected"),
    [
        (8, False, 16),
        (17, False, 32),
        (200, False, 208),
        (9, True, 32),
        (200, True, 256),
        (513, True, 528),
    ],
)
def test_padded_length(longest, fixed_shapes, expected):
    assert padded_length(longest, fixed_shapes) == expected


def test_no_batch_is_longer_than_the_positions_of_the_model():
    lengths = np.array([20, 18, 3])
    for full_size in (None, 2):  # to a multiple of 16, or to 32
        sharding = Sharding(full_size=full_size, most_tokens=20)
        assert sharding.shape(np.array([0, 1]), 2, lengths) == (2, 20)
        assert sharding.shape(np.array([2]), 1, lengths)[1] <= 20


def test_make_batch_pads_rows_and_fills_with_weight_zero():
    batch = make_batch(THREE, np.array([1, 0]), size=3, length=4, weight=0.5)
    assert batch["token_ids"].tolist() == [[2, 9, 3, 0], [2, 3, 0, 0], [0, 0, 0, 0]]
    assert batch["segment_ids"].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    # Filling keeps one visible token: a softmax over nothing would not be finite.
    assert batch["padding_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    assert batch["weight"].tolist() == [0.5, 0.5, 0.0]
    assert batch["start_token"].tolist() == [1, 0, 0]
    assert batch["row"].tolist() == [1, 0, -1]
    assert batch["token_ids"].dtype == np.int32


def test_replicas_share_a_batch_in_equal_sizes():
    plan = [np.array([1, 0, 2])]
    shares = list(replica_batches(THREE, plan, range(2), Sharding(2)))
    assert [share["token_ids"][:, 0].tolist() for share in shares] == [[2, 2], [2, 0]]
    assert [share["token_ids"].shape for share in shares] == [(2, 16), (2, 16)]
    assert np.allclose([share["weight"] for share in shares], [[1 / 3, 1 / 3], [1 / 3, 0]])


def test_fixed_shapes_fill_the_last_batch():
    plan = [np.array([0]), np.array([1])]
    batches = list(replica_batches(THREE, plan, range(1), Sharding(full_size=4)))
    assert [batch["token_ids"].shape for batch in batches] == [(4, 32), (4, 32)]


def test_micro_batches_hold_rows_about_as_long():
    plan = [np.array([2, 0, 1])]  # 1, 2 and 3 tokens
    batches = list(replica_batches(THREE, plan, range(1), Sharding(1, micro_batches=2)))
    assert [batch["token_ids"].sum(axis=1).tolist() for batch in batches] == [[2, 5], [14, 0]]
    assert [batch["weight"].tolist() for batch in batches] == [
        pytest.approx([1 / 3, 1 / 3]),
        pytest.approx([1 / 3, 0]),
    ]


@pytest.mark.parametrize("full_size", [None, 16], ids=["free-shapes", "fixed-shapes"])
@pytest.mark.parametrize("micro_batches", [1, 2, 5])
@pytest.mark.parametrize("replicas", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 5, 16, 83])
def test_every_row_is_seen_once_with_its_weight(rows, replicas, micro_batches, full_size):
    lengths = np.random.default_rng(rows).integers(1, 30, rows)
    examples = Examples(
        token_ids=np.ones(lengths.sum(), np.int32),
        segment_ids=None,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels={"label": np.arange(rows, dtype=np.int32)},  # tells which row it is
    )
    sharding = Sharding(replicas, micro_batches, full_size)
    plan = epoch_plan(lengths, 16, seed=0, epoch=0)
    seen, updates = [], [0.0] * len(plan)
    by_replica = [  # as the workers make them, each its own
        list(replica_batches(examples, plan, range(replica, replica + 1), sharding))
        for replica in range(replicas)
    ]
    for step, shares in enumerate(zip(*by_replica, strict=True)):
        assert len({share["token_ids"].shape for share in shares}) == 1
        for share in shares:
            real = share["weight"] > 0
            seen += share["label"][real].tolist()
            updates[step // micro_batches] += share["weight"].sum()
            np.testing.assert_array_equal(
                share["padding_mask"].sum(axis=1)[real], lengths[share["label"][real]]
            )
    assert sorted(seen) == list(range(rows))
    assert updates == pytest.approx([1.0] * len(plan))


def test_padding_share_counts_padding_and_filling():
    # 6 tokens, in rows of 16: three of them, or two on each of two replicas.
    assert padding_share(THREE.lengths, [np.arange(3)], Sharding()) == pytest.approx(42 / 48)
    assert padding_share(THREE.lengths, [np.arange(3)], Sharding(2)) == pytest.approx(58 / 64)
