"""Versions are whole decimal names; two publishers never get the same one."""

import concurrent.futures

import pytest

from preprocessing.errors import InputError
from serving.model_dir import newest_version, publish, unpublished_version, versions


def test_only_decimal_names_are_versions(tmp_path):
    for name in ("1", "10", "9", "1_0", "v2", "9.tmp", "٧", ".unpublished-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "11").write_text("a file")
    assert versions(tmp_path) == [1, 9, 10]
    assert newest_version(tmp_path).name == "10"


def test_no_version_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no version of a model in it .*serving.export"):
        newest_version(tmp_path / "missing")


def test_concurrent_publishers_get_different_versions(tmp_path):
    def publish_one(number):
        with unpublished_version(tmp_path) as folder:
            (folder / "saved_model.pb").write_text(str(number))
            return publish(folder, tmp_path).name

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        names = list(pool.map(publish_one, range(24)))
    assert sorted(map(int, names)) == list(range(1, 25))
    assert sorted(int(child.name) for child in tmp_path.iterdir()) == list(range(1, 25))


def test_failure_leaves_nothing(tmp_path):
    def fail():
        with unpublished_version(tmp_path) as folder:
            (folder / "saved_model.pb").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
