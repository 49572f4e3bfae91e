"""A model's next version answers as its clients know it."""

import json
import shutil

import pytest

from preprocessing.errors import InputError
from serving.baseline import baseline_of
from serving.provenance import PROVENANCE_FILE
from serving.same_kind import check_same_kind
from tests.serving.registry.version_folders import write_version


@pytest.fixture
def sentiment(models, tmp_path):
    shutil.copytree(models / "sentiment" / "1", tmp_path / "sentiment" / "1")
    return tmp_path / "sentiment"


def rewrite_run(model_dir, **fields):
    path = model_dir / "1" / PROVENANCE_FILE
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"run": content["run"] | fields}))


def test_of_the_same_kind(models, sentiment):
    labels = json.loads((sentiment / "1" / PROVENANCE_FILE).read_text())["run"]["labels"]
    check_same_kind(baseline_of(sentiment), "imdb", labels)
    check_same_kind(baseline_of(models / "qa"), "squad", [])


def test_other_labels(sentiment):
    rewrite_run(sentiment, labels=["ham", "spam"])
    with pytest.raises(InputError, match="has the labels ham, spam, but the run spam, ham: the mo"):
        check_same_kind(baseline_of(sentiment), "imdb", ["spam", "ham"])
    check_same_kind(baseline_of(sentiment), "imdb", ["ham", "spam"])


def test_other_signatures_where_nothing_else_is_known(tmp_path):
    """A version of another exporter has no provenance."""
    (write_version(tmp_path / "qa", 1) / PROVENANCE_FILE).unlink()
    with pytest.raises(InputError, match="has another signature nbest than the run's export"):
        check_same_kind(baseline_of(tmp_path / "qa"), "squad", [])
    with pytest.raises(InputError, match=r"has another signature classify .* --allow_other_kind"):
        check_same_kind(baseline_of(tmp_path / "qa"), "imdb", ["neg", "pos"])


def test_a_broken_version(tmp_path):
    (write_version(tmp_path / "qa", 1) / "saved_model.pb").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"has a saved_model.pb that cannot be read"):
        check_same_kind(baseline_of(tmp_path / "qa"), "squad", [])
