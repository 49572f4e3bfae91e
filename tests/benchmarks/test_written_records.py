import pyarrow
import pytest
import tensorflow as tf

from benchmarks import written_records
from preprocessing.errors import InputError
from tests.examples import encode

ROWS = [
    {"token_ids": [2, 7, 3], "label": 1, "id": "train/pos/0_9"},
    {"token_ids": [2, 3], "label": 0, "id": "train/neg/0_1"},
]


def write_tfrecords(folder, rows):
    folder.mkdir()
    for number, row in enumerate(rows):
        with tf.io.TFRecordWriter(str(folder / f"{number}.tfrecord")) as writer:
            writer.write(encode(row))
    return written_records.read("imdb", folder)


def test_arrow_and_tfrecords_hold_the_same(tmp_path):
    folder = tmp_path / "arrow"
    folder.mkdir()
    table = pyarrow.Table.from_pylist([row | {"split": "train"} for row in ROWS])
    with pyarrow.ipc.new_stream(folder / "0.arrow", table.schema) as stream:
        stream.write_table(table)
    arrow = written_records.read("imdb", folder)
    tfrecords = write_tfrecords(tmp_path / "tfrecord", ROWS[::-1])
    assert written_records.count(arrow) == {"records": 2, "tokens": 5}
    assert written_records.count(tfrecords) == {"records": 2, "tokens": 5}
    assert written_records.equal(arrow, tfrecords) == 2


def test_a_record_with_another_label_is_another(tmp_path):
    one = write_tfrecords(tmp_path / "one", ROWS)
    other = write_tfrecords(tmp_path / "other", [ROWS[0], ROWS[1] | {"label": 1}])
    assert written_records.equal(other, one) == 1


def test_a_folder_without_records(tmp_path):
    with pytest.raises(InputError, match=r"no records in it, neither \*.tfrecord nor \*.arrow"):
        written_records.read("imdb", tmp_path)
