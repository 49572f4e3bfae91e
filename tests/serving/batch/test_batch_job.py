"""Whole jobs of `python -m serving.batch`."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from preprocessing.errors import InputError
from serving.batch.__main__ import main
from tests.preprocessing.jobs import TWO_PROCESSES
from tests.serving import served_models
from tests.serving.batch.number_model import (
    number_model,
    predictions,
    rejected,
    with_provenance,
    write_lines,
)
from tests.serving.server_process import REPOSITORY

DASK = "--runner=apache_beam.runners.dask.dask_runner.DaskRunner"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Versions 2 and 10 of a model that takes numbers."""
    folder = tmp_path_factory.mktemp("models") / "numbers"
    folder.mkdir()
    number_model(folder / "2")
    return number_model(folder / "10").parent


@pytest.fixture
def source(tmp_path):
    """200 numbers, of which row 21 is none, and a broken line."""
    texts = [{"text": "many" if i == 20 else str(i / 256)} for i in range(200)]
    return write_lines(tmp_path / "n.jsonl", *texts, "{")


@pytest.fixture
def reviews_folder(small_imdb):
    return small_imdb({"train/pos/0_9": b"0.5"})


def flags(model, source, output, *more: str) -> list[str]:
    return ["--model_dir", str(model), "--input", str(source), "--output_dir", str(output), *more]


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_row_is_predicted_or_rejected(model, source, tmp_path, capsys):
    output = tmp_path / "out"
    main(flags(model, source, output, "--max_rejected_fraction=0.1", "--num_shards=3"))
    found = predictions(output)
    assert found == {
        f"n.jsonl:{i + 1}": {"id": f"n.jsonl:{i + 1}", "probability": i / 256}
        for i in range(200)
        if i != 20
    }
    broken, many = sorted(rejected(output), key=lambda entry: entry["reason"])
    assert broken == {"source": f"{source}:201", "id": "n.jsonl:201", "reason": "broken_json"}
    assert many.pop("message").count("many") == 1
    assert many == {"source": f"{source}:21", "id": "n.jsonl:21", "reason": "model_error"}
    info = json.loads((output / "info.json").read_text())
    assert (info["kind"], info["read"], info["predicted"]) == ("predictions", 201, 199)
    assert info["rejected"] == {"broken_json": 1, "model_error": 1}
    assert (info["model"]["model"], info["model"]["number"]) == ("numbers", "10")
    assert len(info["shards"]) == 3
    assert set(contents(output)) == {*info["shards"], *info["rejected_files"], "info.json"}
    printed = capsys.readouterr().out
    assert "numbers version 10" in printed
    assert "rejected: model_error  1" in " ".join(printed.split("\n"))


def test_a_rerun_gives_the_same_and_another_version_replaces_it(model, source, tmp_path):
    output = tmp_path / "out"
    main(flags(model, source, output, "--max_rejected_fraction=0.1"))
    first = contents(output)
    main(flags(model, source, output, "--max_rejected_fraction=0.1"))
    assert contents(output) == first
    other = write_lines(tmp_path / "other.jsonl", {"text": "0.5"})
    main(flags(model / "2", other, output))
    assert predictions(output) == {"other.jsonl:1": {"id": "other.jsonl:1", "probability": 0.5}}
    assert len(contents(output)) == 5  # nothing of the old ones is left


@pytest.mark.slow
def test_two_processes_give_the_same_bytes_of_a_model_with_many_outputs(tmp_path):
    """A process's protobuf maps have an order of their own."""
    version = with_provenance(served_models.qa(tmp_path / "1"), "squad")
    asked = [{"id": str(i), "question": "first", "context": f"{i} b"} for i in range(40)]
    source = write_lines(tmp_path / "q.jsonl", *asked)
    for name in ("one", "two"):
        command = [sys.executable, "-m", "serving.batch", *flags(version, source, tmp_path / name)]
        subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    line = next(iter(predictions(tmp_path / "one").values()))
    assert list(line) == ["id", "answer", "start", "end", "probability", "null_odds"]


def test_too_many_rejections_publish_nothing(model, source, tmp_path):
    with pytest.raises(InputError, match=r"1\.0% of 201 are rejected .*Nothing was pub") as raised:
        main(flags(model, source, tmp_path / "out", "--max_rejected_fraction=0.005"))
    assert f"{source}:201 id 'n.jsonl:201' broken_json" in str(raised.value)
    assert f"{source}:21 id 'n.jsonl:21' model_error: " in str(raised.value)
    assert "with --max_rejected_fraction 1 all are listed in rejected-" in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["n.jsonl"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--nbest=3"], "--nbest is 3, but .* tells labels"),
        (["--nbest=21"], "--nbest is 21, expected 0 to 20"),
        (["--batch_size=0"], "--batch_size is 0"),
        (["--max_rejected_fraction=2"], "--max_rejected_fraction is 2.0"),
        (["--model_dir=nowhere"], "--model_dir nowhere: no version of a model"),
        (["--input=nowhere.csv"], "nowhere.csv: no such file"),
        (["--text_column=words"], r"100.0% of 201 are rejected \(1 broken_json, 200 missing_text"),
        (["--no_such_flag=1"], "--no_such_flag is a flag .*`python -m serving.batch --help`"),
    ],
)
def test_mistakes(model, source, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        main([*flags(model, source, tmp_path / "out"), *more])
    assert not (tmp_path / "out").exists()


def test_a_data_set_is_not_replaced(model, source, tmp_path):
    (tmp_path / "info.json").write_text('{"task": "imdb"}')
    with pytest.raises(InputError, match="is of a data set"):
        main(flags(model, source, tmp_path))


def test_shards_without_rows_are_there(model, tmp_path):
    rows = [{"text": "0.5"}, {"text": "0.25"}]
    main(flags(model, write_lines(tmp_path / "two.jsonl", *rows), tmp_path / "out"))
    shards = json.loads((tmp_path / "out" / "info.json").read_text())["shards"]
    assert [name[:26] for name in shards] == [f"predictions-0000{i}-of-00004" for i in range(4)]
    lines = [(tmp_path / "out" / name).read_bytes().count(b"\n") for name in shards]
    assert lines == [0, 1, 1, 0]
    assert len(predictions(tmp_path / "out")) == 2


def test_an_evaluation_is_not_written_into(model, source, tmp_path):
    (tmp_path / "ev").mkdir()
    for name in ("metrics.json", "predictions.json"):
        (tmp_path / "ev" / name).write_text("{}")
    with pytest.raises(InputError, match=r"ev: there is something else in it \(metrics\.json, "):
        main(flags(model, source, tmp_path / "ev"))
    assert sorted(contents(tmp_path / "ev")) == ["metrics.json", "predictions.json"]


def test_what_a_killed_publisher_left_is_replaced(model, tmp_path):
    left = tmp_path / "out" / "predictions-00000-of-00009-0a1b2c3d.jsonl"
    left.parent.mkdir()
    left.write_text("{}")
    main(flags(model, write_lines(tmp_path / "a.jsonl", {"text": "0.5"}), tmp_path / "out"))
    assert not left.exists()


@pytest.mark.parametrize("flag", ["--text_column=text", "--id_column=id", "--no_quotes"])
def test_flags_of_rows_are_refused_for_other_sources(model, reviews_folder, tmp_path, flag):
    with pytest.raises(InputError, match=f"{flag.partition('=')[0]} is of rows of texts, but --in"):
        main(flags(model, reviews_folder, tmp_path / "out", flag))
    version = with_provenance(number_model(tmp_path / "m" / "1"), "squad")
    source = write_lines(tmp_path / "q.jsonl", {"id": "1", "question": "a", "context": "b"})
    with pytest.raises(InputError, match=r"but .*m/1 answers questions: leave it out"):
        main(flags(version, source, tmp_path / "out", flag))


def test_a_version_without_provenance(model, source, tmp_path):
    version = with_provenance(number_model(tmp_path / "m" / "1"), "no_task")
    with pytest.raises(InputError, match="the task is 'no_task', expected imdb or squad"):
        main(flags(version, source, tmp_path / "out"))
    (version / "assets.extra" / "provenance.json").unlink()
    with pytest.raises(InputError, match=r"provenance\.json: cannot read it"):
        main(flags(version, source, tmp_path / "out"))


def test_a_dry_run(model, source, tmp_path, capsys):
    main(flags(model, source, tmp_path / "out", "--dry_run"))
    assert f"model: {model}/10, task imdb\n" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.fixture
def many_files(tmp_path):
    """Eight files of 400 numbers, so that two workers have something to share."""
    (tmp_path / "many").mkdir()
    for name in range(8):
        texts = [{"text": str((i + name) / 4096)} for i in range(400)]
        write_lines(tmp_path / "many" / f"{name}.jsonl", *texts)
    return tmp_path / "many" / "*.jsonl"


@pytest.mark.slow
@pytest.mark.parametrize("runner", [TWO_PROCESSES, [DASK]], ids=["processes", "dask"])
def test_the_same_files_from_every_runner(model, many_files, tmp_path, runner):
    main(flags(model, many_files, tmp_path / "one"))
    main(flags(model, many_files, tmp_path / "two", *runner))
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert len(predictions(tmp_path / "two")) == 3200


@pytest.mark.slow
def test_kills_leave_what_was_there(model, many_files, source, tmp_path):
    output = tmp_path / "out"
    main(flags(model, source, output, "--max_rejected_fraction=0.1"))
    before = contents(output)
    command = [sys.executable, "-m", "serving.batch", *flags(model, many_files, output)]
    for wait_s in (0.0, 0.05, 0.3):
        process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ, stderr=subprocess.PIPE)
        while not list(tmp_path.glob(".out.unfinished/*/block-*")):
            assert process.poll() is None, process.stderr.read()
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break  # it was done
        assert contents(output) == before
    main(flags(model, many_files, output))
    assert len(predictions(output)) == 3200
    assert not list(tmp_path.glob(".out.unfinished"))
