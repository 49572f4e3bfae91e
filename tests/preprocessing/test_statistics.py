import collections

import numpy as np
import pytest

from preprocessing.statistics import (
    FINGERPRINT,
    PARTITIONS,
    Counts,
    Duplicates,
    SplitCounts,
    find_duplicates,
    fingerprints,
    hash64,
    length_bin,
    partitioned,
)


def packed(*rows):
    return fingerprints(rows).tobytes()


@pytest.mark.parametrize(
    ("num_tokens", "expected"), [(0, 0), (1, 32), (32, 32), (33, 64), (512, 512), (513, 544)]
)
def test_lengths_are_rounded_up(num_tokens, expected):
    assert length_bin(num_tokens) == expected


def test_counts_of_blocks_add_up():
    first, second = Counts(read=3), Counts(read=4)
    first.of("train").add(33)
    first.of("train").labels["pos"] += 1
    first.rejected["empty_text"] += 1
    for num_tokens in (5, 40):
        second.of("train").add(num_tokens)
    second.of("train").labels.update(pos=1, neg=2)
    second.of("test").examples += 1
    second.rejected.update(empty_text=1, invalid_utf8=1)
    first.merge(second)
    assert (first.read, first.rejected) == (7, {"empty_text": 2, "invalid_utf8": 1})
    lengths = collections.Counter({32: 1, 64: 2})
    labels = collections.Counter(pos=2, neg=2)
    assert first.splits == {
        "train": SplitCounts(records=3, tokens=78, lengths=lengths, labels=labels),
        "test": SplitCounts(examples=1),
    }


def test_a_text_is_known_by_64_bits_of_blake2b():
    assert hash64(b"abc") == 0xD8BB14D833D59559  # printf abc | b2sum -l 64


# text, split, label
TABLE = [
    (1, "train", 0),
    (1, "train", 0),
    (1, "test", 0),
    (1, "test", 0),
    (1, "test", 0),
    (2, "train", 1),
    (3, "validation", 1),
    (3, "test", 1),
    (4, "train", 0),
    (4, "train", 1),
    (5, "train", 0),
    (5, "validation", 2),
    (5, "test", 0),
]
EXPECTED = Duplicates(
    within={"train": 1 + 1, "validation": 0, "test": 2},  # copies of 1 and 4; two more of 1
    between={"train+validation": 1, "train+test": 2, "validation+test": 2},  # 5; 1, 5; 3, 5
    conflicting=2,  # 4, 5
)


def test_duplicates_of_a_small_table():
    assert find_duplicates(packed(*TABLE)) == EXPECTED


def test_duplicates_do_not_hang_on_the_order():
    orders = (np.random.default_rng(seed).permutation(len(TABLE)) for seed in range(5))
    assert all(find_duplicates(packed(*(TABLE[i] for i in order))) == EXPECTED for order in orders)


@pytest.mark.parametrize(
    "rows",
    [[], [(0, "train", 0)], [(2**64 - 1, "test", 2**16 - 1)]],
    ids=["none", "lowest", "highest"],
)
def test_texts_without_duplicates(rows):
    assert find_duplicates(packed(*rows)) == Duplicates(
        within={"train": 0, "validation": 0, "test": 0},
        between={"train+validation": 0, "train+test": 0, "validation+test": 0},
    )


def test_the_parts_of_a_table_add_up_to_the_whole():
    rows = [(text * 2**60 + 7, split, label) for text, split, label in TABLE]
    parts = dict(partitioned(fingerprints(rows)))
    sizes = {number: len(part) // FINGERPRINT.itemsize for number, part in parts.items()}
    assert sizes == {1: 5, 2: 1, 3: 2, 4: 2, 5: 3}
    total = Duplicates()
    for part in parts.values():
        total.merge(find_duplicates(part))
    assert total == Duplicates(
        within={"train": 2, "test": 2},
        between={"train+validation": 1, "train+test": 2, "validation+test": 2},
        conflicting=2,
    )


def test_the_highest_four_bits_name_the_part():
    texts = (0, 2**60 - 1, 2**60, 2**64 - 1)
    parts = partitioned(fingerprints((text, "train", 0) for text in texts))
    found = {number: np.frombuffer(part, FINGERPRINT)["text"].tolist() for number, part in parts}
    assert found == {0: [0, 2**60 - 1], 1: [2**60], PARTITIONS - 1: [2**64 - 1]}
