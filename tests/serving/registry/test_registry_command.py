"""`python -m serving.registry`: what is printed, as JSON and for a person."""

import json
import pathlib
import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from serving.registry.__main__ import main
from tests.serving.registry.version_folders import model_with_versions, write_version
from tests.serving.server_process import REPOSITORY

RUN = {"task": "squad", "epochs": 2, "data_digest": "aa", "vocabulary_sha256": "cc"}


@pytest.fixture
def models(tmp_path) -> pathlib.Path:
    """`qa` with versions 1 and 2 of two trainings, and `sentiment` with an older export."""
    write_version(
        tmp_path / "qa", 1, run=RUN, created="2026-03-01T10:00:00+00:00", dtype="float32",
        epoch={"epoch": 2, "train_loss": 1.5, "validation_f1": 70.25, "validation_loss": 1.0},
        null_score_diff_threshold=0.0, versions={"tensorflow": "2.20.0"}, ops=["Add", "Mul"],
    )  # fmt: skip
    second = write_version(
        tmp_path / "qa", 2, run={**RUN, "epochs": 3, "data_digest": "bb"},
        created="2026-04-01T10:00:00+00:00", dtype="bfloat16",
        epoch={"epoch": 3, "train_loss": 1.0, "validation_f1": 72.5},
        null_score_diff_threshold=-1.5, versions={"tensorflow": "2.21.0"}, ops=["Add", "Sub"],
    )  # fmt: skip
    (second / "assets").mkdir()
    (second / "assets" / "vocab.txt").write_text("[PAD]\n")
    write_version(tmp_path / "sentiment", 7)
    (tmp_path / "sentiment" / "7" / "assets.extra" / "provenance.json").unlink()
    (tmp_path / "notes").mkdir()
    return tmp_path


def printed(capsys, *arguments) -> str:
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def test_list_as_json(models, capsys):
    main(["promote", str(models / "qa"), "1", "--label", "stable"])
    capsys.readouterr()
    found = json.loads(printed(capsys, "list", models, "--json"))
    assert list(found) == [str(models / "qa"), str(models / "sentiment")]
    first, second = found[str(models / "qa")]
    size = sum(path.stat().st_size for path in (models / "qa/1").rglob("*") if path.is_file())
    assert first == {
        "version": 1, "created": "2026-03-01T10:00:00+00:00", "dtype": "float32", "task": "squad",
        "metrics": {"train_loss": 1.5, "validation_f1": 70.25, "validation_loss": 1.0},
        "size_bytes": size, "labels": ["stable"], "note": "",
    }  # fmt: skip
    assert second["labels"] == []
    (old,) = found[str(models / "sentiment")]
    assert (old["task"], old["dtype"], old["metrics"]) == (None, None, {})
    assert old["created"].endswith("+00:00")


def test_list_as_a_table(models, capsys):
    (models / "qa/2/assets.extra/provenance.json").write_text("{")
    text = printed(capsys, "list", models / "qa")
    newest, oldest = (
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if "│" in line
    )
    assert newest[4] == "provenance.json cannot be read"
    assert oldest[:5] == [
        "1", "2026-03-01 10:00", "float32", "squad",
        "validation_f1 70.25, validation_loss 1, train_loss 1.5",
    ]  # fmt: skip


def test_the_figures_of_an_evaluation_come_before_those_of_the_epoch(models, capsys):
    write_version(
        models / "qa", 3, epoch={"validation_f1": 1.0},
        evaluation={"metrics": {"f1": 73.1, "exact_match": 60.0}, "file": "dev.json"},
    )  # fmt: skip
    found = json.loads(printed(capsys, "list", models / "qa", "--json"))
    metrics = found[str(models / "qa")][2]["metrics"]
    assert metrics == {"metrics.f1": 73.1, "metrics.exact_match": 60.0}
    assert "metrics.f1 73.1, metrics.exact_match 60" in printed(capsys, "list", models / "qa")


def test_diff(models, capsys):
    found = json.loads(printed(capsys, "diff", models / "qa", 1, 2, "--json"))
    assert found["provenance"] == {
        "run.epochs": {"a": 2, "b": 3},
        "run.data_digest": {"a": "aa", "b": "bb"},
        "created": {"a": "2026-03-01T10:00:00+00:00", "b": "2026-04-01T10:00:00+00:00"},
        "dtype": {"a": "float32", "b": "bfloat16"},
        "null_score_diff_threshold": {"a": 0.0, "b": -1.5},
        "versions.tensorflow": {"a": "2.20.0", "b": "2.21.0"},
    }
    assert found["metrics"] == {
        "train_loss": {"a": 1.5, "b": 1.0, "difference": -0.5},
        "validation_f1": {"a": 70.25, "b": 72.5, "difference": 2.25},
        "validation_loss": {"a": 1.0, "b": None, "difference": None},
    }
    assert found["ops"] == {"only_a": ["Mul"], "only_b": ["Sub"]}
    assert found["signatures"] == {}
    assert found["sizes"]["assets/vocab.txt"] == {"a": None, "b": 6, "difference": None}
    table = printed(capsys, "diff", models / "qa", 1, 2)
    assert "+2.25" in table
    assert "qa: ops of version 1 alone: Mul" in table
    assert "qa: signatures: no difference" in table


def test_prune_prints_what_goes(models, capsys):
    size = sum(path.stat().st_size for path in (models / "qa/1").rglob("*") if path.is_file())
    flags = ("--keep", 1, "--dry_run", "--unlabelled")
    out = printed(capsys, "prune", models / "qa", *flags).splitlines()
    assert out == [
        f"qa version 1: would go, {size} bytes", "qa version 2: stays, it is the newest",
        f"{size} bytes would be freed",
    ]  # fmt: skip


def test_a_name_and_a_place_of_its_own(models, capsys):
    config = models / "notes" / "served.config"
    where = ("--config", config, "--name", "reader", "--base_path", "/models/qa")
    printed(capsys, "promote", models / "qa", 2, "--label", "stable", *where)
    text = config.read_text()
    assert 'name: "reader"' in text
    assert 'base_path: "/models/qa"' in text
    assert not (models / "models.config").exists()
    listed = printed(capsys, "list", models / "qa", "--json", *where[:4])
    assert json.loads(listed)[str(models / "qa")][1]["labels"] == ["stable"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "notes"], "no version of a model in it"),
        (["list", "missing"], "no such folder"),
        (["promote", "qa", "1", "--label", "x", "--endpoint", "http://h"], "expected grpc://"),
        (["promote", "qa", "1", "--label", "x", "--timeout_s", "0"], "--timeout_s is 0"),
        (["prune", "qa", "--keep", "1", "--config", "typo.config", "--unlabelled"],
         "--config typo.config: no such file"),
        (["diff", "qa", "1", "5"], "no version 5 in it, expected one of: 1, 2"),
    ],
)  # fmt: skip
def test_mistakes(models, monkeypatch, arguments, message):
    monkeypatch.chdir(models)
    with pytest.raises(InputError, match=message):
        main(arguments)


def test_one_line_and_no_tensorflow(models):
    command = [sys.executable, "-X", "importtime", "-m", "serving.registry"]
    promoted = subprocess.run(
        [*command, "promote", models / "qa", "8", "--label", "stable"], cwd=REPOSITORY,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert promoted.returncode == 2
    assert "| tensorflow\n" not in promoted.stderr
    assert promoted.stderr.splitlines()[-1] == (
        f"error: {models}/qa: no version 8 in it, expected one of: 1, 2."
    )


def test_zero_padded_folders(tmp_path, capsys):
    qa = model_with_versions(tmp_path, 3)
    (qa.model_dir / "3").rename(qa.model_dir / "00000003")
    assert "points at version 3" in printed(capsys, "promote", qa.model_dir, 3, "--label", "stable")
