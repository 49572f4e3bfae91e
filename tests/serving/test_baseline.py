"""Which version a new one is compared with."""

import pytest

from preprocessing.errors import InputError
from serving.baseline import baseline_of
from tests.serving.registry.version_folders import write_version

CONFIG = """
model_config_list {
  config {
    name: "%s" base_path: "/models/qa" model_platform: "tensorflow"
    version_labels { key: "stable" value: %d }
  }
}
"""


@pytest.fixture
def model_dir(tmp_path):
    for version in (1, 2, 10):
        write_version(tmp_path / "qa", version)
    return tmp_path / "qa"


def test_the_newest_where_nothing_has_a_label(model_dir):
    assert str(baseline_of(model_dir)) == f"{model_dir}/10 (newest)"


def test_a_half_copied_version_is_not_the_newest(model_dir):
    (model_dir / "11").mkdir()
    assert baseline_of(model_dir).number == 10


def test_the_stable_version(model_dir):
    (model_dir.parent / "models.config").write_text(CONFIG % ("qa", 2))
    assert str(baseline_of(model_dir)) == f"{model_dir}/2 (stable)"
    assert str(baseline_of(model_dir, 1)) == f"{model_dir}/1 (--baseline)"


def test_the_stable_version_of_another_config_and_name(model_dir, tmp_path):
    config = tmp_path / "production.config"
    config.write_text(CONFIG % ("qa-prod", 2))
    assert baseline_of(model_dir, config=config).because == "newest"
    assert baseline_of(model_dir, config=config, name="qa-prod").path == model_dir / "2"
    with pytest.raises(InputError, match=r"--config .*typo.config: no such file"):
        baseline_of(model_dir, config=tmp_path / "typo.config")


def test_a_stable_version_that_is_gone_is_not_replaced_by_another(model_dir):
    (model_dir.parent / "models.config").write_text(CONFIG % ("qa", 7))
    message = r"stable points at version 7, which is not there; the versions are 1, 2, 10\. Promote"
    with pytest.raises(InputError, match=message):
        baseline_of(model_dir)
    assert baseline_of(model_dir, 2).number == 2


def test_none_before_the_first_version(tmp_path):
    assert baseline_of(tmp_path / "qa") is None


def test_a_version_that_is_not_there(model_dir):
    with pytest.raises(InputError, match=r"--baseline 3: .* has the versions 1, 2, 10\."):
        baseline_of(model_dir, 3)
