"""Versions on this machine and in a bucket."""

import tempfile

import pytest

from preprocessing import files, storage
from preprocessing.errors import InputError
from serving.batch.handler import VersionHandler
from serving.batch.rows import Row
from serving.batch.version import find_version
from tests.preprocessing import remote_folders
from tests.serving.batch.number_model import number_model


@pytest.mark.slow
def test_a_version_in_a_bucket(tmp_path, monkeypatch):
    local = number_model(tmp_path / "3")
    with remote_folders.s3() as bucket:
        for number in ("3", "12"):
            for path in local.rglob("*"):
                if path.is_file():
                    name = str(path.relative_to(local))
                    with storage.create(f"{bucket}/models/numbers/{number}/{name}") as file:
                        file.write(path.read_bytes())
        version = find_version(f"{bucket}/models/numbers/")
        assert (version.model, version.number, version.task) == ("numbers", "12", "imdb")
        assert version.path == f"{bucket}/models/numbers/12"
        assert find_version(f"{bucket}/models/numbers/3").number == "3"
        with storage.create(f"{bucket}/models/numbers/13/variables/half-copied") as file:
            file.write(b"x")
        assert find_version(f"{bucket}/models/numbers").number == "12"
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        (tmp_path / "temporary").mkdir()
        handler = VersionHandler(version.path, version.task)
        (result,) = handler.run_inference([Row("a", "", (b"0.25",))], handler.load_model())
        assert result.inference["serving_default"]["probability"] == 0.25
        assert list((tmp_path / "temporary").iterdir()) == []  # no copy is left
        with pytest.raises(InputError, match="no version of a model in it"):
            find_version(f"{bucket}/models")


def test_the_newest_version_and_one_by_its_folder(tmp_path):
    for number in ("2", "10"):
        number_model(tmp_path / "m" / number)
    assert find_version(str(tmp_path / "m")).number == "10"
    found = find_version(str(tmp_path / "m" / "2"))
    assert (found.model, found.number, found.labels) == ("m", "2", ("neg", "pos"))


def test_a_half_copied_version_is_none(tmp_path):
    number_model(tmp_path / "m" / "2")
    (tmp_path / "m" / "3" / "assets.extra").mkdir(parents=True)
    assert find_version(str(tmp_path / "m")).number == "2"
    with pytest.raises(InputError, match=r"--model_dir .*m/3: no version of a model in it"):
        find_version(str(tmp_path / "m" / "3"))


def test_the_copy_of_a_remote_version_goes_when_it_is_loaded(tmp_path, monkeypatch):
    """As with a bucket, where the files are those of a folder."""
    version = number_model(tmp_path / "m" / "2")
    paths = [f"s3://b/m/2/{p.relative_to(version)}" for p in version.rglob("*") if p.is_file()]
    contents = {path: (version / path.removeprefix("s3://b/m/2/")).read_bytes() for path in paths}
    monkeypatch.setattr(files, "list_files", lambda folder: paths)
    monkeypatch.setattr(files, "read_file", contents.__getitem__)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    handler = VersionHandler("s3://b/m/2", "imdb")
    (result,) = handler.run_inference([Row("a", "", (b"0.25",))], handler.load_model())
    assert result.inference["serving_default"]["probability"] == 0.25
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
