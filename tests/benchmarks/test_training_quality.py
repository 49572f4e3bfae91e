import json
import sys

import pytest

from benchmarks import training_quality
from preprocessing.errors import InputError
from tests.benchmarks.tiny_preset import write_tiny_preset
from tests.conftest import question

RECIPE = {
    "max_seq_length": 384,
    "precision": "bfloat16",
    "epochs": 2,
    "batch_size": 32,
    "learning_rate": 5e-5,
}


@pytest.fixture
def run(small_squad, tmp_path):
    """Runs the benchmark on three questions, in the folder tmp_path / "work"."""

    def run(*flags):
        source = str(small_squad(question("a"), question("b", answer="1894"), question("c")))
        common = ["squad", "--train", source, "--test", source, "--preset", str(tmp_path)]
        training_quality.main([*common, "--work_dir", str(tmp_path / "work"), *flags])

    return run


def write_result(folder, side, seed, exact_match, f1, **other):
    folder.mkdir(exist_ok=True)
    result = {**RECIPE, "seed": seed, "evaluation": {"exact_match": exact_match, "f1": f1}}
    result |= {"trainer_flags": []} if side == "ours" else {}
    (folder / f"{side}-seed{seed}.json").write_text(json.dumps(result | other))


def test_results_that_are_there_are_not_made_again(run, tmp_path, capsys):
    for side, seed, exact_match, f1 in [
        ("ours", 0, 40.0, 50.0),
        ("ours", 1, 43.0, 54.0),
        ("peer", 0, 41.0, 52.0),
        ("peer", 1, 42.0, 52.5),
    ]:
        write_result(tmp_path / "work", side, seed, exact_match, f1)
    run("--seeds", "0,1")
    # The deviations by hand: two values differ by their deviation times the root of 2.
    assert capsys.readouterr().out.splitlines() == [
        "|  | seed 0 | seed 1 | mean | standard deviation |",
        "|---|---|---|---|---|",
        "| Bertline, exact_match | 40.00 | 43.00 | 41.50 | 2.12 |",
        "| PyTorch, exact_match | 41.00 | 42.00 | 41.50 | 0.71 |",
        "| difference, exact_match |  |  | +0.00 |  |",
        "| Bertline, f1 | 50.00 | 54.00 | 52.00 | 2.83 |",
        "| PyTorch, f1 | 52.00 | 52.50 | 52.25 | 0.35 |",
        "| difference, f1 |  |  | -0.25 |  |",
    ]


def test_accuracy_of_one_side_with_one_seed():
    results = {"ours": {3: {"evaluation": {"accuracy": 0.88072}}}}
    assert training_quality.table("imdb", results).splitlines()[-1] == (
        "| Bertline, accuracy | 88.07 | 88.07 |  |"
    )


def test_a_result_of_another_recipe(run, tmp_path):
    write_result(tmp_path / "work", "ours", 0, 1.0, 1.0, learning_rate=3e-5)
    with pytest.raises(InputError, match=r"ours-seed0.json: .* learning_rate 3e-05, expected 5e-0"):
        run("--seeds", "0", "--sides", "ours")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sides", "theirs"], "--sides has 'theirs', expected some of ours, peer"),
        (["--seeds", "0;1"], "--seeds is '0;1', expected whole numbers"),
        ([], "--peer_python is missing"),
        (["--peer_python", sys.executable], "No module named 'torch'"),
        (["--preset", "nothing-here"], "--preset nothing-here: no such file or folder"),
    ],
)
def test_flags_that_cannot_be(run, flags, message):
    with pytest.raises(InputError, match=message):
        run(*flags)


@pytest.mark.slow
def test_ours_is_trained_exported_and_evaluated(run, tmp_path, vocabulary_path, capsys):
    preset = write_tiny_preset(tmp_path / "preset", vocabulary_path)
    flags = ["--preset", str(preset), "--sides", "ours", "--seeds", "5", "--dropout", "0"]
    run(*flags, "--epochs", "1", "--batch_size", "2")
    result = json.loads((tmp_path / "work" / "ours-seed5.json").read_text())
    assert [line["step"] for line in result["history"]] == [2]  # three questions, two at a time
    assert result["trainer_flags"] == ["--dropout", "0"]
    assert result["evaluation"]["total"] == 3
    assert "| Bertline, f1 |" in capsys.readouterr().out
