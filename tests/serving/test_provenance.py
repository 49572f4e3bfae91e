"""Reading provenance.json: what is there, and what is said of what is not."""

import json

import pytest

from preprocessing.errors import InputError
from serving import provenance


@pytest.fixture
def version(tmp_path):
    (tmp_path / "assets.extra").mkdir()
    return tmp_path


def put(version, text):
    (version / "assets.extra" / "provenance.json").write_text(text)


def test_what_is_written_is_read(version):
    content = {"run": {"task": "imdb"}, "note": "é"}
    provenance.write(version, content)
    assert provenance.read(version) == content == provenance.read_if_there(version)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON list"),
        ("{}", "no run of imdb or squad"),
        ('{"run": {"task": "glue"}}', "no run of imdb or squad"),
    ],
)
def test_anything_else_is_refused_with_the_file(version, text, message):
    put(version, text)
    with pytest.raises(InputError, match=rf"provenance.json: .*{message}.*serving.export"):
        provenance.read(version)


def test_a_version_without_one(tmp_path):
    assert provenance.read_if_there(tmp_path) is None
    with pytest.raises(InputError, match=r"provenance.json: no such file, expected a version"):
        provenance.read(tmp_path)


def test_other_objects_are_for_describe_alone(version):
    put(version, json.dumps({"metrics": 1}))
    assert provenance.read_if_there(version) == {"metrics": 1}
