"""trainer/preflight.py: what is refused, and that TensorFlow is not loaded for it."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from trainer.preflight import check_run, check_same_run

# Prints the error of each command line, and whether TensorFlow was loaded.
PROBE = """
import json, sys
from preprocessing.errors import InputError
from trainer.__main__ import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except InputError as error:
        print(error)
print("tensorflow" in sys.modules or "keras" in sys.modules)
"""


def tf_config(workers, index=0):
    addresses = [f"localhost:{port}" for port in range(20000, 20000 + workers)]
    return json.dumps(
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    )


@pytest.fixture
def config(tiny_config, imdb_data):
    return tiny_config(task="imdb", data_dir=str(imdb_data))


def test_a_run_that_can_be(config):
    check_run(config)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "squad"}, "holds imdb records, but --task is squad"),
        ({"data_dir": "nowhere"}, "nowhere: no info.json, so this is not a finished data set"),
        (
            {"max_seq_length": 512},
            r"was made with --max_seq_length 30, but this run expects 512. Run `python -m "
            r"preprocessing imdb --max_seq_length 512 --input ... --output_dir ...`, or give "
            r"--max_seq_length 30 to train on it as it is.",
        ),
        ({"class_weights": "good=2"}, "--class_weights names 'good', expected a label of the data"),
        ({"best_metric": "validation_f1"}, "--best_metric is 'validation_f1', expected for --task"),
        ({"preset": "./nowhere"}, "there is no folder nowhere"),
        ({"preset": "minilm", "preset_dir": "nowhere"}, "Run `python -m preprocessing.fetch weig"),
        ({"output_dir": "setup.py/run"}, r"--output_dir setup.py/run: .*setup.py is a file"),
        ({"strategy": "multi_worker"}, "the environment variable TF_CONFIG names no worker"),
    ],
)
def test_an_impossible_run(config, fields, message):
    with pytest.raises(InputError, match=message):
        check_run(dataclasses.replace(config, **fields))


@pytest.mark.parametrize(
    ("fields", "variable", "message"),
    [
        ({}, "{", "TF_CONFIG is '{', which is not a cluster in JSON"),
        ({}, tf_config(2, index=2), "this process is worker 2, but the cluster has 2 worker"),
        (
            {"global_batch_size": 2},
            tf_config(3),
            "--global_batch_size is 2, but TF_CONFIG names 3 processes. Expected at least one",
        ),
        (
            {"strategy": "one_device"},
            tf_config(2),
            "--strategy is 'one_device', but TF_CONFIG names 2 processes",
        ),
    ],
)
def test_an_impossible_cluster(config, monkeypatch, fields, variable, message):
    monkeypatch.setenv("TF_CONFIG", variable)
    with pytest.raises(InputError, match=message):
        check_run(dataclasses.replace(config, **fields))


def test_a_lost_shard(config, imdb_data, tmp_path):
    data = shutil.copytree(imdb_data, tmp_path / "data")
    (data / "validation-00001-of-00002.tfrecord").unlink()
    with pytest.raises(InputError, match=r"validation-00001-of-00002.tfrecord: not there, but"):
        check_run(dataclasses.replace(config, data_dir=str(data)))


def test_a_preset_of_another_vocabulary(config, tmp_path):
    other = shutil.copytree(config.preset, tmp_path / "other")
    (other / "assets" / "tokenizer" / "vocabulary.txt").write_text("a\n")
    with pytest.raises(InputError, match="other: the SHA-256 of its vocabulary is 87428f"):
        check_run(dataclasses.replace(config, preset=str(other)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(config, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match="no permission to write in"):
        check_run(dataclasses.replace(config, output_dir=str(tmp_path / "locked" / "run")))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "name", ["tensorboard", "tensorboard/train", "tensorboard/validation", "checkpoints"]
)
def test_a_file_in_the_place_of_a_folder(config, name, overwrite):
    path = pathlib.Path(config.output_dir) / name
    path.parent.mkdir(parents=True)
    path.write_text("notes")
    with pytest.raises(InputError, match=rf"run/{name}: a file, expected the run's folder\. Move"):
        check_run(config, overwrite)
    assert path.read_text() == "notes"


@pytest.mark.parametrize(
    "name", ["model.weights.h5", "config.json", "vocab.txt", "history.jsonl", "curves.png"]
)
def test_a_folder_in_the_place_of_a_file(config, name):
    (pathlib.Path(config.output_dir) / name).mkdir(parents=True)
    with pytest.raises(InputError, match=rf"run/{name}: a folder, expected the run's file\. Move"):
        check_run(config)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_the_run_without_permission(config):
    (pathlib.Path(config.output_dir) / "checkpoints").mkdir(mode=0o500, parents=True)
    with pytest.raises(InputError, match="run/checkpoints: no permission to write in it"):
        check_run(config)


def write_run(config, **changed):
    folder = pathlib.Path(config.output_dir)
    folder.mkdir()
    saved = dataclasses.asdict(config) | {"data_digest": "first"} | changed
    (folder / "config.json").write_text(json.dumps(saved))


def test_a_folder_that_holds_another_run(config):
    write_run(config, epochs=7, precision="bfloat16", data_digest="second")
    expected = "epochs was 7, is 2, precision was 'bfloat16', is 'float32', data_digest was"
    with pytest.raises(InputError, match=expected):
        check_run(config)
    check_run(config, overwrite=True)


def test_what_is_undecided_is_not_compared(config):
    write_run(config, precision="bfloat16")
    check_run(config, undecided={"precision"})
    info = load_info(pathlib.Path(config.data_dir))
    with pytest.raises(InputError, match="precision was 'bfloat16', is 'float32'"):
        check_same_run(pathlib.Path(config.output_dir), config, info)


def test_mistakes_are_found_without_tensorflow(config, tmp_path):
    needed = ["--data_dir", config.data_dir, "--output_dir", str(tmp_path / "run")]
    commands = {
        ("--task", "imdb"): "--preset: there is no folder data/presets/minilm",
        ("--task", "squad"): "holds imdb records, but --task is squad",
        ("--config", "squad_base"): "holds imdb records, but --task is squad",
        ("--config", "imdb_small"): "but this run expects 512",
        ("--config", "imdb_huge"): "is neither a file nor a named run",
        ("--epochs", "3"): "--task not given",
        ("--task", "imdb", "--no_pretrained", "--strategy", "multi_worker"): "names no worker",
        ("--task", "imdb", "--doc_stride", "128"): "--doc_stride is 128, but --task is imdb",
        ("--seeds", "0,1", "--seed", "2"): "--seeds 0,1 and --seed 2 exclude each other",
        (
            "--task",
            "imdb",
            "--no_pretrained",
            "--seeds",
            "0,-1",
        ): "--seed is -1, expected a number in",
    }
    arguments = [[*needed, *flags, "--preset_dir", "nowhere"] for flags in commands]
    printed = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for line, expected in zip(printed, [*commands.values(), "False"], strict=True):
        assert expected.replace("data/presets", "nowhere") in line
