"""trainer/checkpoint_files.py, on real files and file systems."""

import hashlib
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from preprocessing.errors import InputError
from trainer.checkpoint_files import (
    BEST,
    BrokenCheckpointError,
    keep_apart,
    newest_first,
    read,
    remove_stale,
    write,
)

ARRAYS = {
    "model/000/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "optimizer/000/iteration": np.array(7, np.int64),
}
ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITE_A_MEGABYTE = """
import pathlib, sys
import numpy as np
from preprocessing.errors import InputError
from trainer.checkpoint_files import write
folder = pathlib.Path(sys.argv[1])
print(write(folder, 1, {"a": np.zeros(1000, np.float32)}, {}).name)
try:
    write(folder, 2, {"a": np.zeros(250_000, np.float32)}, {})
except InputError as error:
    print(error)
print(sorted(path.name for path in folder.iterdir()))
"""


def test_a_file_is_named_after_its_bytes_and_read_by_other_programs(tmp_path):
    path = write(tmp_path / "new", 12, ARRAYS, {"place": "{}"})
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert path.name == f"step-000000012-{digits}.safetensors"
    loaded = safetensors.numpy.load_file(path)
    arrays, metadata = read(path)
    assert metadata == {"place": "{}"}
    for found in (loaded, arrays):
        assert found.keys() == ARRAYS.keys()
        for name, values in ARRAYS.items():
            assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
            np.testing.assert_array_equal(found[name], values)


def test_a_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").touch()
    expected = (tmp_path / "other").stat().st_mode
    assert write(tmp_path, 1, ARRAYS, {}).stat().st_mode == expected


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def _empty(path):
    path.write_bytes(b"")


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 16
    path.write_bytes(content)


def _flip_in_the_header(path):
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def _lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def _replace(path):
    path.write_bytes(b"From: someone else\n")


def _replace_by_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_cut, "bytes have the SHA-256"),
        (_empty, "its 0 bytes have the SHA-256 e3b0c44298fc1c14…, expected"),
        (_flip, "bytes have the SHA-256"),
        (_flip_in_the_header, "bytes have the SHA-256"),
        (_lengthen, "bytes have the SHA-256"),
        (_replace, "its 19 bytes have the SHA-256"),
        (_replace_by_a_folder, "cannot be read: .*Is a directory"),
    ],
)
def test_a_broken_file_says_why(tmp_path, damage, reason):
    path = write(tmp_path, 1, ARRAYS, {})
    damage(path)
    with pytest.raises(BrokenCheckpointError, match=reason):
        read(path)


def test_a_file_of_another_kind_with_a_fitting_name(tmp_path):
    digits = hashlib.sha256(b"text").hexdigest()[:16]
    path = tmp_path / f"step-000000001-{digits}.safetensors"
    path.write_bytes(b"text")
    with pytest.raises(BrokenCheckpointError, match="it cannot be read: "):
        read(path)


def test_newest_first_goes_by_steps_and_then_by_time(tmp_path):
    names = ["step-000000009", "step-000000010", "step-000000010", "step-1000000000", "step-1"]
    paths = [tmp_path / f"{name}-{i:016x}.safetensors" for i, name in enumerate(names)]
    for time, path in enumerate(paths):
        path.touch()
        os.utime(path, (time, time))
    assert newest_first(tmp_path) == [paths[3], paths[2], paths[1], paths[0]]
    assert newest_first(tmp_path / "nowhere") == []


def test_the_best_is_kept_when_its_checkpoint_goes(tmp_path):
    first, second = (write(tmp_path, step, ARRAYS, {}) for step in (1, 2))
    keep_apart(first)
    best = keep_apart(second)
    best.unlink()
    best.write_bytes(b"broken")
    assert keep_apart(second) == keep_apart(second) == best
    second.unlink()
    assert [path.name for path in tmp_path.glob(".*")] == []
    assert newest_first(tmp_path, BEST) == [best]
    assert read(best)[0]["optimizer/000/iteration"] == 7


def test_what_a_killed_run_has_left_is_removed(tmp_path):
    path = write(tmp_path, 1, ARRAYS, {})
    for name in (".tmpAbC123", ".writing.safetensors"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "note.txt").touch()
    remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "note.txt", path])


def _in_a_small_file_system(folder, code):
    mounted = f'mount -t tmpfs -o size=512k tmpfs "{folder}" && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", *code]


def _with_small_files(folder, code):
    return ["prlimit", "--fsize=524288", *code]


@pytest.mark.parametrize(
    ("limited", "expected"),
    [
        (_in_a_small_file_system, r"{}: a checkpoint needs 1,065,536 bytes, but \d+,\d+ are free"),
        (
            _with_small_files,
            r"{}: a checkpoint of 1,065,536 bytes could not be written: File too large\. M",
        ),
    ],
)
def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, limited, expected):
    command = limited(tmp_path, [sys.executable, "-c", WRITE_A_MEGABYTE, str(tmp_path)])
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "mount: " in shown.stderr or "unshare: " in shown.stderr:
        pytest.skip(f"no right to mount a file system: {shown.stderr}")
    first, error, left = shown.stdout.splitlines()
    assert re.match(expected.format(tmp_path), error), error
    assert error.endswith("it goes on from the last checkpoint that is whole.")
    assert left == str([first])


def test_a_folder_that_cannot_be_made_is_no_full_disk(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(InputError) as caught:
        write(tmp_path / "run" / "checkpoints", 1, ARRAYS, {})
    # 6 float32, an int64, and 64 KiB for the header
    assert str(caught.value) == (
        f"{tmp_path}/run/checkpoints: a checkpoint of 65,568 bytes could not be written: Not a "
        "directory. Mend that, and give the same command again: it goes on from the last "
        "checkpoint that is whole."
    )
