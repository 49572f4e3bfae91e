"""Determinism, layout and safety of `write_samples`."""

import hashlib
import pathlib
import re

import pytest

from preprocessing.errors import InputError
from preprocessing.sample.write import write_samples

# Of all files of the default seed. A change of the samples changes the demo's results: where one
# is meant, look at the demo's table and put the new sum here.
SHA256 = "0240aad3fbaf304aaaef7e6653b6adf29e4b44907de9d6c88ee1147a28151bc0"


def digest(folder: pathlib.Path) -> str:
    found = hashlib.sha256()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name, path in sorted(files.items()):
        if path.is_file():
            found.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return found.hexdigest()


def test_default_seed_writes_the_pinned_bytes(samples):
    assert digest(samples.folder) == SHA256


def test_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_samples(tmp_path / name, seed)

    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert digest(tmp_path / "a") != digest(tmp_path / "c")


def test_writing_again_replaces_the_samples_and_leaves_nothing_beside(tmp_path):
    write_samples(tmp_path / "sample", 1)
    (tmp_path / "sample/aclImdb/train/pos/999_9.txt").write_text("stale")

    write_samples(tmp_path / "sample", 2)
    write_samples(tmp_path / "again", 2)

    assert digest(tmp_path / "sample") == digest(tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "sample"]


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")

    with pytest.raises(InputError, match=r"holds 'thesis\.txt'"):
        write_samples(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_an_input_error(tmp_path):
    (tmp_path / "sample").write_text("x")

    with pytest.raises(InputError, match="is a file, expected a folder"):
        write_samples(tmp_path / "sample")


def test_layout_is_that_of_the_official_data(samples):
    names = {p.relative_to(samples.folder).as_posix() for p in samples.folder.rglob("*.*")}
    others = {name for name in names if not name.startswith("aclImdb/")}
    rating = {"pos": "(7|8|9|10)", "neg": "(1|2|3|4)"}
    review = re.compile(
        "|".join(rf"aclImdb/(train|test)/{label}/\d+_{rating[label]}\.txt" for label in rating)
    )

    assert others == {
        "squad-v1.1-dev.json",
        "squad-v1.1-train.json",
        "squad-v2.0-dev.json",
        "squad-v2.0-train.json",
    }
    assert [name for name in names - others if not review.fullmatch(name)] == []


def test_summary_counts_what_was_written(samples):
    assert samples.summary.output_dir == samples.folder
    assert samples.summary.reviews == {"train": 480, "test": 120}
    assert samples.summary.questions == {
        "squad-v1.1-train.json": 725,
        "squad-v1.1-dev.json": 116,
        "squad-v2.0-train.json": 298,
        "squad-v2.0-dev.json": 82,
    }
    for split, number in samples.summary.reviews.items():
        assert len(samples.reviews(split)) == number
    for file, number in samples.summary.questions.items():
        assert len(samples.questions(file)) == number


def test_files_are_small(samples):
    assert sum(p.stat().st_size for p in samples.folder.rglob("*") if p.is_file()) < 1_500_000
