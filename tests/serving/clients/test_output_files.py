"""`python -m serving.client` refuses files that cannot be written before it asks anything.

There is no server: a command that would ask one says so.
"""

import os

import pytest

from serving.output_files import written
from tests.serving.clients.test_command_files import run_client
from tests.serving.server_process import free_port

TEXTS = "text\ngood\n"
QUESTION = '{"id": "q", "question": "who?", "context": "Ada"}\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "r.csv").write_text(TEXTS)
    (tmp_path / "r.jsonl").write_text(QUESTION)
    (tmp_path / "link.csv").symlink_to("r.csv")
    os.link(tmp_path / "r.csv", tmp_path / "same.csv")
    (tmp_path / "coming.jsonl").symlink_to("out.jsonl")
    return tmp_path


def ask(folder, task, *flags, **stdin):
    paths = [str(folder / flag) if flag[0] not in "-/" else flag for flag in flags]
    nobody = f"http://localhost:{free_port()}"
    return run_client(task, "--endpoint", nobody, "--attempts", 1, *paths, **stdin)


@pytest.mark.parametrize(
    ("task", "flags", "which"),
    [
        ("sentiment", ("--input", "r.csv", "--output", "r.csv"), "--output {} as --input"),
        ("qa", ("--input", "r.jsonl", "--output", "r.jsonl"), "--output {} as --input"),
        ("sentiment", ("--input", "r.csv", "--output", "./r.csv"), "--output {} as --input"),
        ("sentiment", ("--input", "link.csv", "--output", "r.csv"), "--output {} as --input"),
        ("sentiment", ("--input", "r.csv", "--output", "link.csv"), "--output {} as --input"),
        ("sentiment", ("--input", "r.csv", "--output", "same.csv"), "--output {} as --input"),
        ("sentiment", ("--input", "r.csv", "--rejected", "r.csv"), "--rejected {} as --input"),
        ("sentiment", ("--input", "r.csv", "--output", "out.jsonl", "--rejected", "out.jsonl"),
         "--rejected {} as --output"),
        ("sentiment", ("--input", "r.csv", "--output", "out.jsonl", "--rejected", "coming.jsonl"),
         "--rejected {} as --output"),
    ],
)  # fmt: skip
def test_a_file_is_not_written_over_another(folder, task, flags, which):
    before = sorted(os.listdir(folder))
    ended = ask(folder, task, *flags)
    assert ended.returncode == 2
    flag, other = which.split(" {} as ")
    message = ended.stderr.decode()
    assert message.startswith(f"error: {flag} ")
    assert f"is the same file as {other} " in message
    assert message.count("\n") == 1
    assert sorted(os.listdir(folder)) == before
    assert (folder / "r.csv").read_text() == TEXTS
    assert (folder / "r.jsonl").read_text() == QUESTION


def test_a_file_that_is_stdin_is_not_written_over(folder):
    with (folder / "r.csv").open("rb") as file:
        ended = ask(folder, "sentiment", "-", "--output", "r.csv", stdin=file)
    assert b"--output" in ended.stderr
    assert b"is the same file as --input -" in ended.stderr
    assert (folder / "r.csv").read_text() == TEXTS


@pytest.mark.parametrize("flag", ["--output", "--rejected"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is a folder"),
        ("new/", "is a folder"),
        ("missing/out.jsonl", "No such file or directory"),
        ("r.csv/out.jsonl", "Not a directory"),
        ("/proc/out.jsonl", ""),  # nobody can write there, not even root
    ],
)
def test_a_file_that_cannot_be_made_is_noticed_at_once(folder, flag, path, reason):
    path = os.path.join(folder, path)
    before = sorted(os.listdir(folder))
    ended = ask(folder, "sentiment", "--input", "r.csv", flag, path)
    assert ended.returncode == 2
    message = ended.stderr.decode()
    assert message.startswith(f"error: {flag} {path}: {reason}")
    assert message.endswith("Nothing was asked.\n")
    assert sorted(os.listdir(folder)) == before


def test_a_device_is_written_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with written("--output", str(tmp_path / "pipe")) as file:
        file.write("a line\n")
    assert os.read(reader, 100) == b"a line\n"
    os.close(reader)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("flags", [("--output", "out.jsonl"), ("--rejected", "/dev/null")])
def test_other_files_are_let_through(folder, flags):
    assert (
        b"Is a server running there?" in ask(folder, "sentiment", "--input", "r.csv", *flags).stderr
    )
