"""trainer/disk.py, with real refusals: the kernel's limit on the size of a file."""

import errno
import os
import pathlib
import resource

import pytest

from preprocessing.errors import InputError
from trainer.disk import disk_errors, put_in_place, reserve, write_error
from trainer.run_dir import save_weights
from trainer.run_files import write_whole
from trainer.tensorflow_keras import keras


@pytest.fixture
def small_files():
    """For a while this process cannot write files of more than 20,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_reserve_makes_a_file_of_the_size(tmp_path):
    reserve(tmp_path / "file", 12_345)
    assert (tmp_path / "file").stat().st_size == 12_345


def test_a_file_takes_the_place_of_another(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "file").write_text("old")
    put_in_place(tmp_path / "new", tmp_path / "file")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


def test_weights_that_do_not_fit_are_one_line(tmp_path, small_files):
    model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(100)])
    with pytest.raises(InputError) as caught, disk_errors(tmp_path):
        save_weights(tmp_path, model)
    # 101 * 100 float32 and twice the room for a name
    assert str(caught.value) == (
        f"{tmp_path}/.tmp.model.weights.h5: File too large, 48,592 bytes are needed. Make room, "
        "and give the same command again: it goes on from the last checkpoint that is whole."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_full_device_is_one_line(tmp_path):
    with pytest.raises(InputError, match="No space left on device"), disk_errors(tmp_path):
        pathlib.Path("/dev/full").write_text("text")


GO_ON = "give the same command again: it goes on from the last checkpoint that is whole."
ROOM = f"Make room, and {GO_ON}"
PERMIT = f"Name another --output_dir, or make this one writable and {GO_ON}"
MEND = f"Mend that, and {GO_ON}"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, f"No space left on device. {ROOM}"),
        (errno.EDQUOT, f"Disk quota exceeded. {ROOM}"),
        (errno.EFBIG, f"File too large. {ROOM}"),
        (errno.EACCES, f"Permission denied. {PERMIT}"),
        (errno.EPERM, f"Operation not permitted. {PERMIT}"),
        (errno.EROFS, f"Read-only file system. {PERMIT}"),
        (errno.EIO, f"Input/output error. {MEND}"),
    ],
)
def test_the_fix_goes_by_what_the_system_says(number, expected):
    error = OSError(number, os.strerror(number), "run/file")
    assert str(write_error(error, "run/file")) == f"run/file: {expected}"


def test_a_folder_that_was_removed_under_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_dir = pathlib.Path("run")
    with pytest.raises(InputError) as caught, disk_errors(run_dir):
        write_whole(run_dir / "history.jsonl", "{}")
    assert str(caught.value) == (f"run/.history.jsonl.tmp: No such file or directory. {MEND}")


@pytest.mark.parametrize("name", ["nowhere", "running/file"])
def test_errors_of_other_files_stay_as_they_are(tmp_path, name):
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path / "run"):
        (tmp_path / name).read_text()


def test_errors_without_a_file_stay_as_they_are(tmp_path):
    with pytest.raises(OSError, match="Bad file descriptor"), disk_errors(tmp_path):
        os.fstat(1_000_000)
