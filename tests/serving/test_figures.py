"""Which version a new one is compared with."""

import pytest

from preprocessing.errors import InputError
from serving.figures import baseline_version

CONFIG = """
model_config_list {
  config {
    name: "qa" base_path: "/models/qa" model_platform: "tensorflow"
    version_labels { key: "stable" value: %d }
  }
}
"""


@pytest.fixture
def model_dir(tmp_path):
    for version in ("1", "2", "10"):
        (tmp_path / "qa" / version).mkdir(parents=True)
    return tmp_path / "qa"


def test_the_newest_where_nothing_has_a_label(model_dir):
    assert baseline_version(model_dir, None) == model_dir / "10"


@pytest.mark.parametrize(
    ("labelled", "expected"),
    [
        pytest.param(2, "2", id="stable"),
        pytest.param(7, "10", id="stable-was-removed"),
    ],
)
def test_the_stable_version(model_dir, labelled, expected):
    (model_dir.parent / "models.config").write_text(CONFIG % labelled)
    assert baseline_version(model_dir, None) == model_dir / expected
    assert baseline_version(model_dir, 1) == model_dir / "1"


def test_none_before_the_first_version(tmp_path):
    assert baseline_version(tmp_path / "qa", None) is None


def test_a_version_that_is_not_there(model_dir):
    with pytest.raises(InputError, match=r"--baseline 3: .* has the versions 1, 2, 10\."):
        baseline_version(model_dir, 3)
