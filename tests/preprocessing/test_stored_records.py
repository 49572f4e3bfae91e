from typing import Any

import pytest
import tensorflow as tf

from preprocessing.errors import InputError
from preprocessing.features import FEATURES
from preprocessing.stored_records import read_records
from tests.examples import encode

REVIEW: dict[str, Any] = {"id": "train/é/0_9", "label": 1, "token_ids": [2, 30521, 7, 3]}
WINDOW: dict[str, Any] = {
    "end_token": 0,
    "id": "q",
    "is_impossible": 0,
    "segment_ids": [0, 0, 1, 1],
    "start_token": 0,
    "token_ids": [2, 3, 300, 3],
    "window": 12,
}


@pytest.fixture
def shard(tmp_path):
    """Writes a shard with TensorFlow's own writer."""

    def write(*contents):
        path = tmp_path / "train-00000-of-00001.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for content in contents:
                writer.write(content)
        return path

    return write


def test_fields_are_those_that_tensorflow_wrote(shard):
    review, window = read_records(shard(encode(REVIEW), encode(WINDOW)))
    assert review.id == "train/é/0_9"
    assert review.integer("label") == 1
    assert review.integers("token_ids") == [2, 30521, 7, 3]
    assert review.fields.keys() == FEATURES["imdb"].keys()
    assert {name: window.integer(name) for name in ("start_token", "window")} == {
        "start_token": 0,
        "window": 12,
    }
    assert window.fields.keys() == FEATURES["squad"].keys()


def test_a_record_knows_its_place(shard):
    path = shard(encode(REVIEW), encode(WINDOW))
    assert [record.place for record in read_records(path)] == [
        f"{path}: record 1",
        f"{path}: record 2",
    ]


def test_only_records_that_contain_what_is_looked_for(shard):
    path = shard(*(encode(REVIEW | {"id": f"train/{i}"}) for i in range(12)))
    found = read_records(path, containing=b"train/1")
    assert [record.id for record in found] == ["train/1", "train/10", "train/11"]


def test_records_are_read_one_by_one(shard):
    """What is damaged behind the records that are asked for is not even seen."""
    path = shard(encode(REVIEW), encode(WINDOW))
    path.write_bytes(path.read_bytes()[:-1])
    records = read_records(path)
    assert next(records).id == "train/é/0_9"
    with pytest.raises(InputError, match=r"tfrecord: record 2 is damaged: the file ends within"):
        next(records)


def test_every_flipped_byte_is_noticed(shard):
    path = shard(encode(REVIEW))
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"record 1 is damaged: its checksum does not fit"):
            list(read_records(path))


def test_every_cut_within_a_record_is_noticed(shard):
    path = shard(encode(REVIEW))
    content = path.read_bytes()
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"record 1 is damaged: the file ends within it"):
            list(read_records(path))


def test_a_record_that_is_no_example(shard):
    with pytest.raises(InputError, match=r"record 1 is damaged: it is no tf\.train\.Example"):
        list(read_records(shard(b"\xff\xff")))


def test_a_shard_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"a\.tfrecord: cannot be read \(No such file"):
        list(read_records(tmp_path / "a.tfrecord"))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("rating", r"record 1: field 'rating' is None, expected one value of int"),
        ("token_ids", r"field 'token_ids' is \[2, 30521, 7, 3\], expected one value of int"),
        ("id", r"field 'id' is \[b'train/\\xc3\\xa9/0_9'\], expected one value of int"),
    ],
)
def test_a_field_that_breaks_the_contract(shard, field, message):
    (record,) = read_records(shard(encode(REVIEW)))
    with pytest.raises(InputError, match=message):
        record.integer(field)
