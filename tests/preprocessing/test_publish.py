import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from preprocessing import files, storage
from preprocessing.dataset_info import DatasetInfo, SplitInfo, load_info
from preprocessing.errors import InputError
from preprocessing.publish import publish, work_folder
from tests.preprocessing import remote_folders

ROOT = pathlib.Path(__file__).parents[2]
OLD = {
    "train-00000-of-00002-0a0a0a0a.tfrecord": b"old 0",
    "train-00001-of-00002-5a5a5a5a.tfrecord": b"the same in both",
    "rejected-train-0b0b0b0b.jsonl": b"old rejected",
    "vocab-0c0c0c0c.txt": b"old vocabulary",
}
NEW = {
    "train-00000-of-00002-1a1a1a1a.tfrecord": b"new 0",
    "train-00001-of-00002-5a5a5a5a.tfrecord": b"the same in both",
    "test-00000-of-00001-1d1d1d1d.tfrecord": b"new test",
    "vocab-1c1c1c1c.txt": b"new vocabulary",
}
NOT_OURS = {"notes.txt": b"1", "vocabulary.txt": b"2", "mine.tfrecord": b"3", "vocab.txt": b"4"}


def write(folder, contents):
    storage.make_folder(str(folder))
    for name, content in contents.items():
        with storage.create(storage.join(str(folder), name)) as file:
            file.write(content)


def info_of(contents):
    """As a data set of these files would have it."""
    splits = {}
    for name in sorted(name for name in contents if name.endswith(".tfrecord")):
        empty = SplitInfo(records=1, examples=1, tokens=1, shards=[], length_histogram={})
        splits.setdefault(name.partition("-")[0], empty).shards.append(name)
    return DatasetInfo(
        task="imdb",
        splits=splits,
        rejected={},
        parameters={},
        vocabulary_sha256="",
        lowercase=True,
        sources={},
        digest="",
        versions={},
        vocabulary_file=next(name for name in contents if name.startswith("vocab-")),
        rejected_files=[name for name in contents if name.startswith("rejected-")],
    )


def run_job(output_dir, contents):
    """Publishes a data set of these files and some that are no part of it."""
    with work_folder(str(output_dir)) as work:
        write(work, contents | {"outputs": b"x", "run-1": b"x"})
        publish(info_of(contents), work, str(output_dir))


def data_set(folder):
    """The content of each file that `info.json` names."""
    return {name: (folder / name).read_bytes() for name in load_info(folder).files()}


def contents(folder):
    """Name -> content of all files but `info.json`."""
    names = storage.list_names(str(folder))
    return {n: files.read_file(storage.join(str(folder), n)) for n in names if n != "info.json"}


def names_beside(folder):
    return sorted(path.name for path in folder.parent.iterdir())


def test_a_new_data_set_replaces_all_of_the_old_one_and_nothing_else(tmp_path):
    data = tmp_path / "data"
    run_job(data, OLD)
    assert contents(data) == OLD
    write(data, NOT_OURS)
    run_job(data, NEW)
    assert contents(data) == NEW | NOT_OURS
    assert load_info(data) == info_of(NEW)
    assert names_beside(data) == ["data"]


@pytest.fixture(scope="module")
def killed_at():
    """Sets the number of the file operation at which `Killed` is raised; 0 for none."""
    left = {"operations": 0, "seen": []}

    def hook(event, arguments):
        if left["operations"] and event in ("open", "os.rename", "os.remove", "os.mkdir"):
            left["seen"].append(event)
            left["operations"] -= 1
            if not left["operations"]:
                raise Killed

    def set_number(number):
        left.update(operations=number, seen=[])
        return left["seen"]

    sys.addaudithook(hook)  # stays until the process ends
    yield set_number
    set_number(0)


class Killed(BaseException):
    """Nothing catches it."""


def test_killed_at_any_step_the_old_set_is_whole_or_the_new_one(tmp_path, killed_at):
    seen = []
    for number in range(1, 100):
        data = tmp_path / str(number) / "data"
        data.parent.mkdir()
        run_job(data, OLD)
        write(data, NOT_OURS)
        work = tmp_path / str(number) / "work"
        write(work, NEW)
        operations = killed_at(number)
        try:
            publish(info_of(NEW), str(work), str(data))
        except Killed:
            seen.append(data_set(data) == NEW)
        finally:
            killed_at(0)
        assert data_set(data) in (OLD, NEW)
        if len(operations) < number:
            break
        run_job(data, NEW)
        assert contents(data) == NEW | NOT_OURS
    # First four files are moved, and info.json is written and moved: then it is the new data set,
    # and three files are deleted.
    assert seen == sorted(seen)
    assert seen.count(False) >= 6
    assert seen.count(True) == 3


def test_killed_at_any_step_the_first_data_set_is_whole_or_none(tmp_path, killed_at):
    for number in range(1, 100):
        data, work = tmp_path / f"data{number}", tmp_path / f"work{number}"
        write(work, NEW)
        operations = killed_at(number)
        try:
            publish(info_of(NEW), str(work), str(data))
        except Killed:
            with pytest.raises(InputError, match="is not a finished data set"):
                data_set(data)
        finally:
            killed_at(0)
        if len(operations) < number:
            break
    assert data_set(data) == NEW
    assert number > 6


def test_a_folder_for_the_job_is_there_until_it_ends(tmp_path):
    with work_folder(str(tmp_path / "new" / "data")) as work:
        write(work, {"a": b"1"})
        assert pathlib.Path(work).parent == tmp_path / "new" / ".data.unfinished"
    with pytest.raises(ZeroDivisionError), work_folder(str(tmp_path / "data")) as second:
        write(second, {"a": 1 / 0})
    assert second != work
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]


@pytest.mark.parametrize("name", ["data", "data/", "data/.", "link", "../{}/data"])
def test_the_second_job_for_a_place_stops_at_once(tmp_path, monkeypatch, name):
    name = name.format(tmp_path.name)
    monkeypatch.chdir(tmp_path)
    pathlib.Path("data").mkdir()
    pathlib.Path("link").symlink_to("data")
    message = f"--output_dir {name}: another job is writing to it. Wait for that one, or name "
    with work_folder(str(tmp_path / "data")) as work, work_folder("other"):
        write(work, {"a": b"1"})
        with pytest.raises(InputError, match=re.escape(message)), work_folder(name):
            pass
        assert contents(work) == {"a": b"1"}
    with work_folder(name) as work:
        assert contents(work) == {}
        assert os.path.isabs(work)


def test_a_killed_job_lets_go_and_what_it_left_is_deleted(tmp_path):
    code = (
        "import sys, time; from preprocessing.publish import work_folder\n"
        "with work_folder(sys.argv[1]) as work: print(work, flush=True); time.sleep(60)"
    )
    data = str(tmp_path / "data")
    process = subprocess.Popen(
        [sys.executable, "-c", code, data], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    left = pathlib.Path(process.stdout.readline().strip())
    (left / "block-1").write_text("1")
    with pytest.raises(InputError, match="another job is writing"), work_folder(data):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert left.exists()
    with work_folder(data):
        assert not left.exists()
    assert not list(tmp_path.iterdir())


TAKE_TURNS = """
import os, sys
from preprocessing.errors import InputError
from preprocessing.publish import work_folder
data, taken, turns = sys.argv[1], sys.argv[2], 0
while turns < 100:
    try:
        with work_folder(data) as work:
            os.close(os.open(taken, os.O_CREAT | os.O_EXCL))  # fails if another has it
            open(f"{work}/a", "w").close()
            os.unlink(taken)
            turns += 1
    except InputError as error:
        assert "another job" in str(error), error
"""


def test_jobs_that_come_and_go_never_hold_a_place_together(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_TURNS, tmp_path / "data", tmp_path / "taken"], cwd=ROOT
        )
        for _ in range(3)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["file", "file/data", "file/new/data"])
def test_a_place_that_cannot_be_a_folder(tmp_path, name):
    (tmp_path / "file").write_text("")
    path = str(tmp_path / name)
    with pytest.raises(InputError) as caught, work_folder(path):
        pass
    assert str(caught.value) == f"--output_dir {path}: cannot write there (Not a directory)."
    assert names_beside(tmp_path / "file") == ["file"]


def test_a_mounted_folder_is_written_from_within():
    # From beside it files could not be moved in one step. /dev/shm is such a folder on any Linux.
    if not os.path.ismount("/dev/shm"):
        pytest.skip("no /dev/shm")
    with work_folder("/dev/shm") as work:
        assert pathlib.Path(work).parent == pathlib.Path("/dev/shm/.unfinished")
    assert not os.path.exists("/dev/shm/.unfinished")


@pytest.fixture(params=[pytest.param("s3", marks=pytest.mark.slow), "hdfs"])
def remote(request, tmp_path):
    system = {"s3": remote_folders.s3, "hdfs": lambda: remote_folders.hdfs(tmp_path)}
    with system[request.param]() as url:
        yield url


@pytest.mark.parametrize("name", ["", "/set"], ids=["root", "folder"])
def test_publishing_to_remote_file_systems(remote, name):
    data = f"{remote}{name}"
    run_job(data, OLD)
    write(data, NOT_OURS)
    run_job(data, NEW)
    assert contents(data) == NEW | NOT_OURS
    info = json.loads(files.read_file(storage.join(data, "info.json")))
    assert info["splits"]["train"]["shards"] == info_of(NEW).splits["train"].shards
    assert not any("unfinished" in path for path in files.list_files(remote))


def test_the_second_job_for_a_remote_place_stops(remote):
    data = f"{remote}/set"
    message = f"is writing there. Wait for it, or delete the folder {remote}/.set.unfinished if"
    with work_folder(data) as work:
        write(work, {"a": b"1"})
        with pytest.raises(InputError, match=re.escape(message)) as caught, work_folder(data):
            pass
        assert f'"process": {os.getpid()}' in str(caught.value)
    with work_folder(data):
        pass
    assert files.list_files(remote) == []


def test_a_file_system_without_its_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)  # as if it were not there
    with pytest.raises(InputError) as caught, work_folder("gs://bucket/set"):
        pass
    assert "pip install 'apache-beam[gcp]'" in str(caught.value)
