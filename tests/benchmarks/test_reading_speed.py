import json

import pytest

from benchmarks import plain_input, reading_speed
from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.examples import read_dataset
from tests.trainer.tiny import write_dataset

LONGEST = 30  # the tiny data sets' max_seq_length


@pytest.mark.parametrize("task", ["imdb", "squad"])
def test_every_reader_gives_every_record(tmp_path, capsys, task):
    data_dir = write_dataset(tmp_path / "data", task, {"train": 50})
    output = tmp_path / "numbers.json"
    flags = ["--data_dir", str(data_dir), "--batch_size", "8", "--epochs", "2"]
    reading_speed.main([*flags, "--output", str(output)])
    numbers = json.loads(output.read_text())
    tokens = load_info(data_dir).splits["train"].tokens
    assert [(of["records"], of["tokens"]) for of in numbers.values()] == [(50, tokens)] * 4
    assert numbers["padded_batch"]["cells"] == 50 * LONGEST
    assert numbers["batch, then parse"]["cells"] == 50 * LONGEST
    assert tokens <= numbers["trainer.input_pipeline"]["cells"] < 50 * LONGEST
    assert capsys.readouterr().out.count("\n") == 2 + 4


@pytest.mark.parametrize(
    "make", [plain_input.padded, plain_input.parsed_in_batches, plain_input.bucketed]
)
@pytest.mark.parametrize("task", ["imdb", "squad"])
def test_plain_pipelines_give_the_records(tmp_path, task, make):
    data_dir = write_dataset(tmp_path / "data", task, {"train": 20})
    shards = sorted(str(path) for path in data_dir.glob("*.tfrecord"))
    rows = []
    for batch in make(task, shards, 8, LONGEST).as_numpy_iterator():
        for row, mask in enumerate(batch["padding_mask"].astype(bool)):
            assert not batch["token_ids"][row][~mask].any()
            rows.append(batch["token_ids"][row][mask].tolist())
    written = read_dataset(task, data_dir)["train"]
    assert sorted(rows) == sorted(record["token_ids"] for record in written)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--split", "dev"], "--split is 'dev', expected one of train"),
        (["--batch_size", "0"], "--batch_size is 0, expected at least 1"),
    ],
    ids=["split", "batch"],
)
def test_flags_that_cannot_be(tmp_path, flags, message):
    data_dir = write_dataset(tmp_path / "data", "imdb", {"train": 2})
    with pytest.raises(InputError, match=message):
        reading_speed.main(["--data_dir", str(data_dir), *flags])
