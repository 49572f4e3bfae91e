"""`python -m serving.describe` on real SavedModels."""

import os
import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from serving.describe import describe, find_version, render
from tests.serving import served_models
from tests.serving.server_process import REPOSITORY


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """models/m with versions 9 and 10; 10 has warm-up requests and provenance."""
    base = tmp_path_factory.mktemp("models") / "m"
    base.mkdir()
    served_models.half_plus_two_tf2(base / "9")
    served_models.add_warm_up(served_models.half_plus_two_tf1(base / "10"), [b"one", b"two" * 99])
    (base / "10" / "assets.extra" / "provenance.json").write_text('{"metrics": {"f1": 61.5}}')
    (base / "11.tmp").mkdir()
    return base


def test_the_newest_version(model_dir):
    found = find_version(model_dir)
    assert found == model_dir / "10"
    text = render(describe(found))
    assert text.splitlines()[0] == f"{found}: model m, version 10"
    assert "warm-up requests: 2\n" in text
    assert text.endswith(
        "  signature serving_default (tensorflow/serving/predict)\n"
        "    input   x  DT_FLOAT [?, 1]\n"
        "    output  y  DT_FLOAT [?, 1]\n"
        "  provenance\n"
        '    "metrics": {\n'
        '      "f1": 61.5\n'
        "    }"
    )


def test_a_version_by_its_own_path(model_dir):
    text = render(describe(find_version(model_dir / "9")))
    assert "warm-up requests: none" in text
    assert "provenance: none" in text
    assert "signature __saved_model_init_op" in text


def test_assets_and_sizes(model_dir, tmp_path):
    description = describe(find_version(model_dir))
    assert description.files["saved_model.pb"] == os.path.getsize(model_dir / "10/saved_model.pb")
    assert list(description.meta_graph.meta_info_def.tags) == ["serve"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: None, "no model version in it", id="empty"),
        pytest.param(lambda path: (path / "1").mkdir(), "no model version in it", id="bare"),
        pytest.param(
            lambda path: [(path / "1").mkdir(), (path / "1/saved_model.pb").write_bytes(b"\xff")],
            "not a SavedModel", id="broken",
        ),
        pytest.param(
            lambda path: [(path / "1").mkdir(), (path / "1/saved_model.pb").write_bytes(b"")],
            "without any MetaGraph", id="no-graph",
        ),
    ],
)  # fmt: skip
def test_what_is_no_version(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(InputError, match=message):
        describe(find_version(tmp_path))


def test_a_broken_warm_up_file(model_dir, tmp_path):
    version = served_models.half_plus_two_tf1(tmp_path / "1")
    (version / "assets.extra").mkdir()
    (version / "assets.extra/tf_serving_warmup_requests").write_bytes(b"not a TFRecord file")
    with pytest.raises(InputError, match="not a whole TFRecord file"):
        describe(version)


def test_the_command(model_dir):
    command = [sys.executable, "-X", "importtime", "-m", "serving.describe", str(model_dir)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert ended.returncode == 0
    assert "signature serving_default" in ended.stdout
    assert "| tensorflow\n" not in ended.stderr  # not imported
    ended = subprocess.run(
        [*command[:1], *command[3:5], str(model_dir / "77")], capture_output=True, text=True,
        env=environment, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {model_dir / '77'}: no such folder")
    assert ended.stderr.count("\n") == 1
