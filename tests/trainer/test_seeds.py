"""trainer/seeds.py and trainer/launch.py."""

import dataclasses
import json
import pathlib
import signal

import numpy as np
import pytest

from preprocessing.errors import InputError
from tests.trainer.test_resume import finish, wait_for_step, weights
from tests.trainer.tiny import start, trainer_command
from trainer.run_files import final_line
from trainer.seeds import measured, parse_seeds, summarize, train_seeds
from trainer.settings import Setting
from trainer.train import train_and_evaluate


def seeds_command(config, seeds):
    """The command line of a config for several seeds."""
    command = trainer_command(config, "--seeds", seeds)
    place = command.index("--seed")
    return command[:place] + command[place + 2 :]


@pytest.mark.parametrize("text", ["", "0,,1", "1.5", "a", "0;1"])
def test_what_are_no_seeds(text):
    with pytest.raises(InputError, match=f"--seeds is '{text}', expected whole numbers with"):
        parse_seeds(text)


def test_seeds():
    assert parse_seeds("3, 0,1") == (3, 0, 1)
    with pytest.raises(InputError, match="--seeds is '1,0,1', expected each seed once"):
        parse_seeds("1,0,1")


def test_summary_is_over_what_all_runs_have():
    summary = summarize({4: {"a": 1.0, "b": 2.0}, 7: {"a": 2.0}, 9: {"a": 6.0}})
    assert summary.mean == {"a": 3.0}
    assert summary.standard_deviation["a"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert summarize({4: {"a": 1.0}}).standard_deviation == {"a": None}


def test_measured_are_the_metrics():
    line = {"epoch": 2, "train_loss": 0.5, "seconds": 1.0, "validation_f1": 7, "train_x": None}
    assert measured(line) == {"validation_f1": 7.0, "train_loss": 0.5}


@pytest.mark.parametrize(("restore_best", "expected"), [(False, 3), (True, 2)])
def test_figures_are_those_of_the_weights(tmp_path, restore_best, expected):
    accuracies = [0.7, 0.9, 0.8]
    lines = [{"epoch": n, "validation_accuracy": a} for n, a in enumerate(accuracies, start=1)]
    (tmp_path / "history.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    config = {"task": "imdb", "restore_best": restore_best, "early_stopping_patience": None}
    assert final_line(tmp_path, config | {"best_metric": None})["epoch"] == expected


@pytest.mark.slow
def test_each_seed_trains_as_it_does_alone(tiny_config, imdb_data, tmp_path):
    fields = {"task": "imdb", "data_dir": str(imdb_data), "epochs": 1}
    config = tiny_config(output_dir=str(tmp_path / "seeds"), **fields)
    status, log = finish(start(seeds_command(config, "3,5")))
    assert status == 0, log
    alone = tiny_config(output_dir=str(tmp_path / "alone"), seed=5, **fields)
    train_and_evaluate(alone)
    expected = weights(alone.output_dir)
    for name, values in weights(tmp_path / "seeds" / "seed-5").items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    content = json.loads((tmp_path / "seeds" / "seeds.json").read_text())
    lines = [
        json.loads((tmp_path / "seeds" / f"seed-{seed}" / "history.jsonl").read_text())
        for seed in (3, 5)
    ]
    losses = [line["validation_loss"] for line in lines]
    assert [run["validation_loss"] for run in content["runs"].values()] == losses
    assert losses[0] != losses[1]
    assert content["mean"]["validation_loss"] == pytest.approx(np.mean(losses))
    assert content["standard_deviation"]["validation_loss"] == pytest.approx(np.std(losses, ddof=1))
    again = start(seeds_command(config, "3,5"))
    printed, log = again.communicate(timeout=60)
    assert (again.returncode, log.count("finished before")) == (0, 2), log
    assert f"{np.mean(losses):.4f}" in printed


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        ({"config.json": "{}"}, "holds a run of one seed. Name another folder for --seeds."),
        ({"seed-5/config.json": '{"task": "squad"}'}, "seed-5 holds another run: task was 'squad'"),
        (
            {"seed-3/model.weights.h5": "", "seed-5/model.weights.h5": ""},
            "seed-3/history.jsonl: expected a line for each epoch of the finished run",
        ),
    ],
)
def test_what_is_in_the_way(tiny_config, imdb_data, tmp_path, prepare, message):
    config = tiny_config(task="imdb", data_dir=str(imdb_data))
    for name, text in prepare.items():
        path = pathlib.Path(config.output_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    status, log = finish(start(seeds_command(config, "3,5")))
    assert status == 2
    assert message in log.splitlines()[-1]


def test_seeds_of_a_cluster(tiny_config, imdb_data, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    settings = {
        name: Setting(value, "flag")
        for name, value in dataclasses.asdict(
            tiny_config(task="imdb", data_dir=str(imdb_data))
        ).items()
    }
    with pytest.raises(InputError, match="--seeds, but TF_CONFIG names 2 processes"):
        train_seeds(settings, [0, 1], overwrite=False)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_seeds_go_on(tiny_config, imdb_data, tmp_path, number):
    fields = {"epochs": 400, "checkpoint_every_steps": 2}
    config = tiny_config(task="imdb", data_dir=str(imdb_data), **fields)
    first = dataclasses.replace(config, output_dir=str(tmp_path / "run" / "seed-3"))
    process = start(seeds_command(config, "3,5"))
    wait_for_step(first, 4)
    process.send_signal(number)
    finish(process)  # reads to the end of stderr: the process of the seed has ended, too
    assert not (tmp_path / "run" / "seed-5").exists()
    process = start(seeds_command(config, "3,5"))
    wait_for_step(first, 16)
    process.kill()
    assert "going on after epoch" in finish(process)[1]
