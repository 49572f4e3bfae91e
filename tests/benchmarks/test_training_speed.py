import json
import os

import pytest

from benchmarks import training_speed
from benchmarks.training_speed import Side, Speed
from preprocessing.errors import InputError
from tests.benchmarks.tiny_preset import write_tiny_preset
from tests.trainer.tiny import write_dataset


def test_a_name_tells_program_and_length():
    side = Side("keras_fit_no_xla_512")
    assert (side.program, side.max_seq_length) == ("keras_fit_no_xla", 512)


def test_each_side_is_compared_at_its_own_length():
    def speeds(*examples, padding=0.0):
        return [Speed(number, 100 * number, padding, 1000 + number) for number in examples]

    table = training_speed.table(
        {
            "bertline_256": speeds(12, 10, 30, padding=0.01),
            "pytorch_256": speeds(8, 6, 4),
            "bertline_512": speeds(9),
            "keras_fit_512": speeds(3, padding=0.5),
            "keras_fit_384": speeds(3),
        }
    )
    assert table.splitlines()[2:] == [
        "| bertline_256 | 12.00 | 10.00, 30.00 | 1,200 | 1.0% | 1,030 |  |",
        "| pytorch_256 | 6.00 | 4.00, 8.00 | 600 | 0.0% | 1,008 | 2.00 |",
        "| bertline_512 | 9.00 | 9.00, 9.00 | 900 | 0.0% | 1,009 |  |",
        "| keras_fit_512 | 3.00 | 3.00, 3.00 | 300 | 50.0% | 1,003 | 3.00 |",
        "| keras_fit_384 | 3.00 | 3.00, 3.00 | 300 | 0.0% | 1,003 |  |",
    ]


def test_padding_of_batches_that_are_as_long_as_their_longest_row(tmp_path):
    data_dir = write_dataset(tmp_path / "data", "imdb", {"train": 3})
    info = json.loads((data_dir / "info.json").read_text())
    tokens = info["splits"]["train"]["tokens"]
    # One row in a batch: each is padded to a multiple of 16, so by less than 16 tokens.
    assert 0 <= training_speed.trainer_padding(data_dir, 1, 0) < 3 * 16 / tokens


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--repeat", "0"], "--repeat is 0, expected at least 1"),
        (["--epochs", "1"], "--epochs is 1, expected at least 2"),
        (["--sides", "pytorch"], "--sides has 'pytorch', expected names such as bertline_256"),
        (["--sides", "tf_256"], "--sides has 'tf_256', expected names such as bertline_256"),
        ([], "--peer_python is missing"),
        (["--sides", "bertline_256", "--train", "x"], "--train x: no such file or folder"),
    ],
)
def test_flags_that_cannot_be(tmp_path, flags, message):
    with pytest.raises(InputError, match=message):
        training_speed.main(["imdb", "--train", str(tmp_path), *flags])


@pytest.mark.slow
@pytest.mark.parametrize("task", ["imdb", "squad"])
def test_every_side_trains(tmp_path, sample_dir, vocabulary_path, task, capsys):
    preset = write_tiny_preset(tmp_path / "preset", vocabulary_path)
    source = {"imdb": sample_dir, "squad": sample_dir / "squad-v1.1-train.json"}[task]
    sides = ["bertline_96", "keras_fit_96", "keras_fit_no_xla_96"]
    flags = ["--examples", "8", "--batch_size", "4", "--keras_steps", "1", "--repeat", "1"]
    flags += ["--sides", ",".join(sides), "--output", str(tmp_path / "numbers.json")]
    work = ["--work_dir", str(tmp_path / "work")]
    training_speed.main([task, "--train", str(source), "--preset", str(preset), *flags, *work])
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert list(numbers["runs"]) == sides
    for (run,) in numbers["runs"].values():
        assert run["tokens_per_second"] > run["examples_per_second"] > 0
        assert 0 <= run["padding"] < 1
    assert list(numbers["padding_of_all"]) == ["bertline_96"]
    assert os.listdir(tmp_path / "work") == []
    assert "padding on all of --train" in capsys.readouterr().out
