"""Versions are whole decimal names; publishers may be many, and may be killed at any moment."""

import concurrent.futures
import os
import pathlib
import random
import subprocess
import sys
import time

import pytest

from preprocessing.errors import InputError
from serving.describe import find_version
from serving.model_dir import newest_version, publish, unpublished_version, versions
from serving.registry import model

REPOSITORY = pathlib.Path(__file__).parents[2]


def write_version(model_dir, name):
    (model_dir / name).mkdir()
    (model_dir / name / "saved_model.pb").write_text("x")


def publish_text(model_dir, text="x"):
    with unpublished_version(model_dir) as folder:
        (folder / "saved_model.pb").write_text(text)
        return int(publish(folder, model_dir).name)


def test_only_decimal_names_are_versions(tmp_path):
    for name in ("1", "10", "9", "1_0", "v2", "9.tmp", "٧", ".unpublished-x"):
        write_version(tmp_path, name)
    (tmp_path / "11").write_text("a file")
    assert versions(tmp_path) == [1, 9, 10]
    assert newest_version(tmp_path).name == "10"


def test_a_half_copied_version_is_none_but_its_number_is_taken(tmp_path):
    """For the evaluation, the gate's baseline and the registry alike."""
    write_version(tmp_path, "2")
    (tmp_path / "5" / "variables").mkdir(parents=True)
    assert versions(tmp_path) == [2] == list(model.version_folders(tmp_path))
    assert newest_version(tmp_path).name == find_version(tmp_path).name == "2"
    assert publish_text(tmp_path) == 6


def test_a_number_with_zeros_in_front(tmp_path):
    write_version(tmp_path, "00000003")
    assert newest_version(tmp_path).name == "00000003"


def test_no_version_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"no version of a model in it .*serving.export"):
        newest_version(tmp_path / "missing")


def test_concurrent_publishers_get_different_versions(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(publish_text, [tmp_path] * 24, map(str, range(24))))
    assert sorted(numbers) == versions(tmp_path) == list(range(1, 25))
    texts = [(tmp_path / str(number) / "saved_model.pb").read_text() for number in numbers]
    assert texts == [str(number) for number in range(24)]


def test_a_number_is_not_given_again(tmp_path):
    assert [publish_text(tmp_path), publish_text(tmp_path)] == [1, 2]
    for child in sorted((tmp_path / "2").iterdir()):
        child.unlink()
    (tmp_path / "2").rmdir()
    assert publish_text(tmp_path) == 3


@pytest.mark.parametrize("text", ["", "x", "\0\0", "7"])
def test_the_last_number_is_no_more_than_a_help(tmp_path, text):
    (tmp_path / "8").mkdir()
    (tmp_path / ".last_version").write_text(text)
    assert publish_text(tmp_path) == 9


def test_failure_leaves_nothing(tmp_path):
    def fail():
        with unpublished_version(tmp_path) as folder:
            (folder / "saved_model.pb").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_a_living_exporter_stays(tmp_path):
    with unpublished_version(tmp_path) as folder:
        (folder / "saved_model.pb").write_text("half")
        publish_text(tmp_path)
        assert (folder / "saved_model.pb").read_text() == "half"
    assert versions(tmp_path) == [1]
    assert not list(tmp_path.glob(".unpublished-*"))


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--model_dir .*file/qa: Not a directory; nothing is"):
        publish_text(tmp_path / "file" / "qa")


def publisher(source, model_dir, count):
    command = [sys.executable, "-m", "tests.serving.publishers", source, model_dir, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def source(tmp_path):
    """A version of some files."""
    for number in range(12):
        path = tmp_path / "source" / f"folder{number % 3}" / f"file{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 100_000)
    (tmp_path / "source" / "saved_model.pb").write_bytes(b"x" * 100_000)
    return tmp_path / "source"


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_kills_at_any_moment_leave_only_whole_versions(source, tmp_path):
    model_dir, whole, rng = tmp_path / "qa", content(source), random.Random(0)
    for _ in range(20):
        process = publisher(source, model_dir, 1_000_000)
        process.stdout.readline()  # it has started, and now publishes one after the other
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.communicate()
        found = versions(model_dir)
        assert all(content(model_dir / str(number)) == whole for number in found[-3:])
    assert len(found) >= 20
    assert publish_text(model_dir) > found[-1]
    assert not list(model_dir.glob(".unpublished-*"))
    assert all(content(model_dir / str(number)) == whole for number in found)


def test_processes_at_once_publish_each_their_versions(source, tmp_path):
    processes = [publisher(source, tmp_path / "qa", 10) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert versions(tmp_path / "qa") == list(range(1, 31))
    assert not list((tmp_path / "qa").glob(".unpublished-*"))
