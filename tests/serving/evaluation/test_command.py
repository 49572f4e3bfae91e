"""The command line: `python -m serving.evaluate`."""

import json
import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from serving import evaluate


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--limit=0"], "--limit is 0", id="limit"),
        pytest.param(["--batch_size=0"], "--batch_size is 0", id="batch-size"),
        pytest.param(["--requests=0"], "--requests is 0", id="requests"),
        pytest.param(
            ["--model_dir=nowhere"], "--model_dir nowhere: no version of a model", id="no-version"
        ),
        pytest.param(["--input=nowhere.json"], "nowhere.json: cannot read it", id="no-input"),
        pytest.param(["--model_name=qa"], "--model_name is of a server", id="model-name"),
        pytest.param(["--model_version=1"], "--model_version is of a server", id="version"),
        pytest.param(["--version_label=x"], "--version_label is of a server", id="version-label"),
        pytest.param(["--labels=a,b"], "--labels is of a server", id="labels"),
        pytest.param(["--requests=2"], "--requests is of a server", id="requests-here"),
        pytest.param(["--timeout_s=9"], "--timeout_s is of a server", id="timeout-here"),
        pytest.param(["--timeout_s=0"], "--timeout_s is 0, expected seconds", id="timeout"),
        pytest.param(["--timeout_s=nan"], "--timeout_s is nan, expected seconds", id="no-time"),
        pytest.param(["--max_rejected_fraction=2"], "--max_rejected_fraction is 2", id="share"),
        pytest.param(["--split=test"], "--split is of labelled texts", id="split-of-questions"),
        pytest.param(["--no_quotes"], "--no_quotes is of labelled texts", id="quotes"),
        pytest.param(["--text_column=text"], "--text_column is of labelled texts", id="column"),
        pytest.param(["--endpoint=grpc://x"], "not allowed with argument --model_dir", id="both"),
    ],
)
def test_bad_flags(models, questions, tmp_path, flags, message):
    base = [f"--model_dir={models / 'qa'}", f"--input={questions}", f"--output_dir={tmp_path}"]
    with pytest.raises(InputError, match=message):
        evaluate.main([*base, *flags])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "flag", "message"),
    [
        ("rows.csv", "--split=train", "--split is of aclImdb, but --input .*rows.csv is a file"),
        ("rows.jsonl", "--no_quotes", "--no_quotes is of .csv and .tsv, but .*rows.jsonl is a"),
        ("aclImdb", "--label_column=x", "--label_column is of rows, but --input .* is aclImdb"),
    ],
)
def test_flags_that_the_input_has_no_use_for(models, reviews, tmp_path, name, flag, message):
    source = reviews if name == "aclImdb" else tmp_path / name
    flags = [f"--input={source}", f"--output_dir={tmp_path / 'out'}", flag]
    with pytest.raises(InputError, match=message):
        evaluate.main([f"--model_dir={models / 'sentiment'}", *flags])


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("localhost:8500", "--endpoint 'localhost:8500': .*expected grpc://HOST"),
        ("ftp://x", "--endpoint 'ftp://x': .*expected grpc://HOST"),
    ],
)
def test_bad_endpoints(questions, tmp_path, endpoint, message):
    flags = [f"--endpoint={endpoint}", f"--input={questions}", f"--output_dir={tmp_path}"]
    with pytest.raises(InputError, match=message):
        evaluate.main(flags)


def test_a_server_is_evaluated_without_tensorflow():
    code = "import sys, serving.evaluate, serving.evaluation.endpoint, serving.evaluation.report"
    code += "; print({'tensorflow', 'apache_beam'} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_a_server_by_the_name_that_the_input_suggests(models_server, reviews, tmp_path, caplog):
    caplog.set_level("INFO")
    endpoint = f"grpc://localhost:{models_server.port}"
    flags = [f"--endpoint={endpoint}", f"--input={reviews}", f"--output_dir={tmp_path}"]
    evaluate.main([*flags, "--limit=4"])
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["examples"] == 4
    assert f"{endpoint} sentiment: read report.html in {tmp_path}" in caplog.text
