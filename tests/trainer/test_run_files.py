"""trainer/run_files.py."""

import resource

import pytest

from trainer.run_files import write_whole


def test_a_text_takes_the_place_of_another(tmp_path):
    path = tmp_path / "file.md"
    for text in ("old", "caf\u00e9\n"):
        write_whole(path, text)
    assert path.read_bytes() == b"caf\xc3\xa9\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_that_does_not_fit_leaves_the_old_one(tmp_path):
    path = tmp_path / "file.md"
    write_whole(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(path, "new" * 1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
