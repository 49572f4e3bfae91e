"""Broken sources through whole jobs: an error of one line, or all records written or rejected."""

import dataclasses
import functools

import pytest

from preprocessing.errors import InputError
from preprocessing.sources import readers
from preprocessing.transforms import Source
from tests.examples import read_dataset
from tests.preprocessing.jobs import build, imdb_spec, squad_spec
from tests.preprocessing.sources.test_sources_fuzz import (
    COLUMNS,
    SOURCES,
    broken,
    check_message,
    records_of,
)

QUESTIONS = ("squad.json", "questions.jsonl")


def spec_of(path, vocabulary_path):
    if path.name in QUESTIONS:
        return squad_spec({str(path): "train"}, vocabulary_path)
    spec = imdb_spec(path, vocabulary_path, validation_fraction=0.3)
    read = functools.partial(readers.labelled_texts, columns=COLUMNS)
    return dataclasses.replace(spec, sources=[Source(str(path), "train")], read=read)


def check(path, vocabulary_path, data_dir):
    spec = spec_of(path, vocabulary_path)
    try:
        info = build(spec, data_dir)
    except InputError as error:
        check_message(path, error)
        return
    written = sum(split.examples for split in info.splits.values())
    assert info.read == written + sum(info.rejected.values())
    assert info.read == sum(map(records_of, spec.read(str(path), "train")))
    task = "squad" if path.name in QUESTIONS else "imdb"
    records = {split: len(found) for split, found in read_dataset(task, data_dir).items()}
    assert records == {name: split.records for name, split in info.splits.items()}


@pytest.mark.parametrize(
    "count", [5, pytest.param(170, marks=pytest.mark.slow)], ids=["few", "2040"]
)
@pytest.mark.parametrize("name", SOURCES)
def test_broken_sources_through_the_pipeline(tmp_path, vocabulary_path, name, count):
    for seed in range(count):
        path = tmp_path / name
        path.write_bytes(broken(name, seed))
        try:
            check(path, vocabulary_path, tmp_path / "data")
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}")
            raise
