"""What versions are measured on, and how much of it may be left out."""

import shutil

import pytest

from preprocessing.errors import InputError
from serving.figures import labelled_input


def test_a_fraction_that_is_none(tmp_path):
    with pytest.raises(InputError, match="--max_rejected_fraction is 2, expected a share in"):
        labelled_input(str(tmp_path), 2)


def test_nothing_at_the_path(tmp_path):
    with pytest.raises(InputError, match=r"--evaluation_input .*: no such file or folder"):
        labelled_input(str(tmp_path / "none"), 0.01)


def test_reviews_that_cannot_be_asked(models, reviews, tmp_path):
    shutil.copytree(reviews, tmp_path / "copy")
    (tmp_path / "copy/aclImdb/test/pos/99_9.txt").write_text("  ")
    version, source = models / "sentiment" / "1", str(tmp_path / "copy")
    with pytest.raises(InputError, match=r"expected at most --max_rejected_fraction 0\.01"):
        labelled_input(source, 0.01).score(version)
    assert labelled_input(source, 0.5).score(version)["rejected"] == 1
