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
        pytest.param(["--model_dir=nowhere"], "nowhere: no version of a model", id="no-version"),
        pytest.param(["--input=nowhere.json"], "nowhere.json: cannot read it", id="no-input"),
        pytest.param(["--model_name=qa"], "--model_name is of a server", id="model-name"),
        pytest.param(["--labels=a,b"], "--labels is of a server", id="labels"),
        pytest.param(["--endpoint=grpc://x"], "not allowed with argument --model_dir", id="both"),
    ],
)
def test_bad_flags(models, questions, tmp_path, flags, message):
    base = [f"--model_dir={models / 'qa'}", f"--input={questions}", f"--output_dir={tmp_path}"]
    with pytest.raises(InputError, match=message):
        evaluate.main([*base, *flags])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [("localhost:8500", "expected grpc://HOST"), ("ftp://x", "expected grpc://HOST")],
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
