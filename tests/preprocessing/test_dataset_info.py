import hashlib

import pytest

from preprocessing.dataset_info import DatasetInfo, SplitInfo, load_info, sha256_of_file
from preprocessing.errors import InputError

INFO = DatasetInfo(
    task="squad",
    splits={
        "train": SplitInfo(
            records=3, examples=2, tokens=90, shards=["train-0"], length_histogram={"32": 3}
        )
    },
    rejected={"empty_answer": 1},
    parameters={"doc_stride": 128},
    vocabulary_sha256="00",
    lowercase=True,
    sources={"train.json": "11"},
    digest="22",
    versions={"tensorflow": "2.21.0"},
    has_unanswerable=True,
)


def test_load_gives_what_was_saved(tmp_path):
    (tmp_path / "info.json").write_text(INFO.to_json())
    assert load_info(tmp_path) == INFO


def test_a_file_is_no_data_set(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"no info\.json, so this is not a finished data set"):
        load_info(tmp_path / "file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no info.json, so this is not a finished data set"),
        ("{", "not an info.json of this version of Bertline"),
        ("[]", "not an info.json of this version of Bertline"),
        ('{"task": "imdb"}', "not an info.json of this version of Bertline ('splits')"),
        ('{"splits": {}, "colour": 1}', "unexpected keyword argument 'colour'"),
    ],
    ids=["missing", "broken", "list", "incomplete", "unknown-field"],
)
def test_load_says_what_is_wrong(tmp_path, content, message):
    if content is not None:
        (tmp_path / "info.json").write_text(content)
    with pytest.raises(InputError) as caught:
        load_info(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert message in str(caught.value)


def test_sha256_of_file(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()
