"""trainer/examples.py."""

import numpy as np
import pytest

from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.trainer.tiny import squad_record, write_dataset
from trainer.examples import Examples, first_rows, load_split

THREE = Examples(  # rows of 2, 3 and 1 tokens
    token_ids=np.array([2, 3, 2, 9, 3, 2], np.int32),
    segment_ids=np.array([0, 0, 0, 1, 1, 0], np.int32),
    offsets=np.array([0, 2, 5, 6]),
    labels={"start_token": np.array([0, 1, 0], np.int32)},
    facts={"window": np.array([0, 1, 0], np.int32)},
)


def test_first_rows():
    two = first_rows(THREE, 2)
    assert two.token_ids.tolist() == [2, 3, 2, 9, 3]
    assert two.segment_ids.tolist() == [0, 0, 0, 1, 1]
    assert (two.rows, two.labels["start_token"].tolist()) == (2, [0, 1])
    assert two.facts["window"].tolist() == [0, 1]
    for most in (None, 3, 9):
        assert first_rows(THREE, most).lengths.tolist() == [2, 3, 1]


def test_load_split_reads_all_shards(squad_data):
    examples = load_split(squad_data, load_info(squad_data), "train")
    assert examples.rows == 90
    assert examples.segment_ids is not None
    for row in range(examples.rows):
        start, end = examples.offsets[row : row + 2]
        tokens = examples.token_ids[start:end].tolist()
        place = examples.labels["start_token"][row]
        assert tokens[place : examples.labels["end_token"][row] + 1] == [8, 9]
        assert examples.segment_ids[start:end].tolist() == [0] * 3 + [1] * (len(tokens) - 3)


def test_windows_know_their_question(tmp_path):
    def record(generator, split, number):
        fields = squad_record(generator, split, number)
        return fields | {"id": f"q{number % 2}", "window": number // 2, "is_impossible": number % 2}

    folder = write_dataset(tmp_path, "squad", {"train": 6}, make_record=record)
    facts = load_split(folder, load_info(folder), "train").facts
    assert facts["question"].tolist() == [0, 0, 0, 1, 1, 1]  # the shards have every other record
    assert facts["window"].tolist() == [0, 1, 2, 0, 1, 2]
    assert facts["is_impossible"].tolist() == [0, 0, 0, 1, 1, 1]


def test_imdb_has_no_segments(imdb_data):
    examples = load_split(imdb_data, load_info(imdb_data), "validation")
    assert examples.segment_ids is None
    second = examples.token_ids[examples.offsets[:-1] + 1]
    assert (second - 8).tolist() == examples.labels["label"].tolist()


def test_missing_split(imdb_data):
    with pytest.raises(InputError, match=r"no split 'test', only train, validation"):
        load_split(imdb_data, load_info(imdb_data), "test")


def _remove(shard):
    shard.unlink()


def _cut(shard):
    shard.write_bytes(shard.read_bytes()[:-5])


def _empty(shard):
    shard.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_remove, "the records cannot be read .*train-00001-of-00002"),
        (_cut, "the records cannot be read"),
        (_empty, "split 'train' has 2 records, expected the 4 of info.json"),
    ],
)
def test_damaged_shards(tmp_path, damage, message):
    folder = write_dataset(tmp_path / "data", "imdb", {"train": 4})
    damage(folder / "train-00001-of-00002.tfrecord")
    with pytest.raises(InputError, match=message):
        load_split(folder, load_info(folder), "train")
