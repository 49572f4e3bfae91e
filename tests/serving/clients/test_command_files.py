"""`python -m serving.client` with files: every row is answered or rejected, in order."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from serving.client import N_BEST
from tests.serving.clients.light_server import LightServer
from tests.serving.server_process import REPOSITORY, free_port


def run_client(*arguments, stdin=b""):
    """Runs the command with the bytes, or the open file, as its stdin."""
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    return subprocess.run(
        [sys.executable, "-m", "serving.client", *map(str, arguments)], **given,
        capture_output=True, timeout=60, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def lines(content):
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture(scope="module")
def target(small_models_server):
    return ("--endpoint", f"http://localhost:{small_models_server.rest_port}")


def test_json_lines_in_and_out(target, tmp_path):
    source, output = tmp_path / "texts.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(
        b'{"text": "good", "key": 7}\n{"text": 5, "key": 8}\n\n{broken\n'
        b'{"text": "bad \xf0\x9f\x98\x80", "key": "x"}\n{"text": "\xff", "key": 9}\n'
        b'{"text": "", "key": 10}\n'
    )
    flags = ("--id_column", "key", "--output", output, "--batch_size", 2, "--concurrency", 3)
    ended = run_client("sentiment", *target, "--input", source, *flags)
    assert ended.returncode == 1
    assert lines(output.read_bytes()) == [
        {"id": "7", "probability": 0.9}, {"id": "x", "probability": 0.1},
        {"id": "10", "probability": 0.1},
    ]  # fmt: skip
    assert lines((tmp_path / "out.jsonl.rejected").read_bytes()) == [
        {"source": f"{source}:2", "id": "texts.jsonl:2", "reason": "text_not_a_string"},
        {"source": f"{source}:4", "id": "texts.jsonl:4", "reason": "broken_json"},
        {"source": f"{source}:6", "id": "texts.jsonl:6", "reason": "invalid_utf8"},
    ]
    assert ended.stderr.decode() == (
        "3 answered, 3 rejected (1 broken_json, 1 invalid_utf8, 1 text_not_a_string): "
        f"see {output}.rejected\n"
    )
    assert ended.stdout == b""


@pytest.mark.parametrize(
    ("flags", "stdin"),
    [
        (("-",), b"good\r\n\nbad\n"),
        (("--input", "-", "--format", "jsonl"), b'{"text": "good"}\n\n{"text": "bad"}'),
        (("--input", "-", "--format", "csv"), b'n,text\n1,"good\none"\n2,bad\n'),
    ],
    ids=["lines", "json-lines", "csv"],
)
def test_standard_input_and_output(target, flags, stdin):
    ended = run_client("sentiment", *target, *flags, stdin=stdin)
    assert [one["probability"] for one in lines(ended.stdout)] == [0.9, 0.1]
    assert (ended.returncode, ended.stderr) == (0, b"2 answered, 0 rejected\n")


@pytest.mark.parametrize(
    ("name", "content", "flags", "ids"),
    [
        ("r.jsonl", '{"text": "a", "id": "x"}\n{"id": 7, "text": "b"}\n{"text": "c"}\n'
         '{"text": "d", "id": null}\n', (), ["x", "7", "r.jsonl:3", "r.jsonl:4"]),
        ("r.csv", "id,text\nx,a\n,b\n7,c\n", (), ["x", "r.csv:3", "7"]),
        ("r.csv", "n,text\n1,a\n", (), ["r.csv:2"]),
        ("r.csv", "id,text,id\n1,a,2\n", (), ["r.csv:2"]),
        ("r.tsv", "n\tid\ttext\n1\tx\ta\n", ("--id_column", "n"), ["1"]),
        ("r.csv", "n,id\n1,a\n", ("--text_column", "id"), ["r.csv:2"]),
    ],
    ids=["json-lines", "csv", "none", "two", "another", "is-the-text"],
)  # fmt: skip
def test_ids_of_texts(target, tmp_path, name, content, flags, ids):
    (tmp_path / name).write_text(content)
    ended = run_client("sentiment", *target, "--input", tmp_path / name, *flags)
    assert ended.returncode == 0
    assert [one["id"] for one in lines(ended.stdout)] == ids


def test_an_id_column_that_is_asked_for_is_not_done_without(target, tmp_path):
    (tmp_path / "r.jsonl").write_text('{"text": "a"}\n')
    ended = run_client("sentiment", *target, "--input", tmp_path / "r.jsonl", "--id_column", "id")
    assert ended.returncode == 1
    assert b"1 missing_id" in ended.stderr


def test_rows_of_a_pipe_that_cannot_be_read_are_named(target):
    ended = run_client("sentiment", *target, "-", stdin=b"good\n\xff\n")
    assert ended.returncode == 1
    assert len(lines(ended.stdout)) == 1
    assert ended.stderr.splitlines()[0] == b"rejected: stdin:2: invalid_utf8"


def test_squad_json(target, tmp_path):
    paragraphs = [
        {"context": "Ada wrote.", "qas": [
            {"id": "a", "question": "first", "answers": []},
            {"id": "b", "question": "other", "answers": []},
        ]},
        {"context": "  😀 smiled.", "qas": [{"id": "c", "question": "first", "answers": []}]},
    ]  # fmt: skip
    source = tmp_path / "squad.json"
    source.write_text(json.dumps({"version": "v2.0", "data": [{"paragraphs": paragraphs}]}))
    ended = run_client("qa", *target, "--input", source)
    assert lines(ended.stdout) == [
        {"id": "a", "answer": "Ada", "start": 0, "end": 3, "probability": 0.8, "null_odds": -2.5},
        {"id": "b", "answer": "", "start": -1, "end": -1, "probability": 0.3, "null_odds": 4.25},
        {"id": "c", "answer": "😀", "start": 2, "end": 3, "probability": 0.8, "null_odds": -2.5},
    ]


def test_n_best_of_questions(small_models_server, target):
    question = b'{"id": "q", "question": "first", "context": "Ada wrote it"}\n'
    ended = run_client("qa", *target, "--input", "-", "--nbest", 2, stdin=question)
    (line,) = lines(ended.stdout)
    assert line["nbest"] == [
        {"answer": "Ada", "start": 0, "end": 3, "probability": 0.75},
        {"answer": "", "start": -1, "end": -1, "probability": 0.25},
    ]
    listed = ("--question", "first", "--context", "Ada wrote it", "--nbest", N_BEST, "--json")
    assert len(json.loads(run_client("qa", *target, *listed).stdout)["nbest"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sentiment"], "nothing to ask"),
        (["sentiment", "--input", "missing.csv"], "missing.csv: "),
        (
            ["sentiment", "--model", "qa", "-"],
            "qa: its inputs are context, question, expected text",
        ),
        (["qa", "--question", "q"], "expected --question with --context"),
        (["qa", "--question", "q", "--context", "c", "--nbest", "21"], "count is 21"),
        (["sentiment", "x", "--batch_size", "0"], "batch_size is 0"),
        (["sentiment", "x", "--server_name", "n"], "TLS is given"),
    ],
)
def test_mistakes_are_one_line(target, arguments, message):
    ended = run_client(*arguments[:1], *target, *arguments[1:], stdin=b"x\n")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.decode().startswith("error: ")
    assert message in ended.stderr.decode()
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize("name", ["r.docx", "r"])
def test_a_source_of_no_known_kind_is_told_all_kinds_of_the_help(target, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    ended = run_client("sentiment", *target, "--input", tmp_path / name)
    assert ended.returncode == 2
    place, expected = ended.stderr.decode().split(", expected ")
    assert place == f"error: {tmp_path / name}: its name tells no kind of source"
    assert expected == (
        ".txt (a text a line), .csv, .tsv, .jsonl or .json (JSON lines), which may end in .gz, "
        ".bz2 or .xz too; aclImdb as a folder or as .tar, .tar.gz, .tar.bz2, .tar.xz or .zip.\n"
    )
    texts = " ".join(run_client("sentiment", "--help").stdout.decode().split())
    assert f"{expected[:-2]}; or - for stdin" in texts
    questions = " ".join(run_client("qa", "--help").stdout.decode().split())
    assert "SQuAD .json, or .jsonl, which may" in questions
    assert "txt" not in questions


def test_a_server_that_fails_leaves_the_output_as_it_was(target, tmp_path):
    source, output = tmp_path / "texts.txt", tmp_path / "out.jsonl"
    source.write_text("good\n" * 50)
    output.write_text("old\n")
    nobody = f"http://localhost:{free_port()}"
    ended = run_client("sentiment", "--endpoint", nobody, "--input", source, "--output", output)
    assert ended.returncode == 2
    assert b"Is a server running there?" in ended.stderr
    assert output.read_text() == "old\n"
    assert sorted(os.listdir(tmp_path)) == ["out.jsonl", "texts.txt"]


def test_an_interrupted_command_leaves_no_file(small_models_server, tmp_path):
    source, output = tmp_path / "texts.txt", tmp_path / "out.jsonl"
    source.write_text("good\n" * 5)
    asked = threading.Event()

    def answer_metadata_and_no_more(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            body = small_models_server.http.get("/v1/models/sentiment/metadata").content
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            connection.recv(65536)
            asked.set()
            threading.Event().wait(20)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer_metadata_and_no_more, args=(listener,), daemon=True).start()
        target = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "serving.client", "sentiment", "--endpoint", target,
                   "--timeout_s", "3", "--input", str(source), "--output", str(output)]  # fmt: skip
        with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
            assert asked.wait(30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 130
            assert process.stderr.read() == b"interrupted\n"
    assert os.listdir(tmp_path) == ["texts.txt"]


def test_rows_that_the_server_refuses_are_rejected_alone(tmp_path):
    """The batch is refused, then asked row by row."""
    from serving.batch.rows import Row
    from serving.client import Client
    from serving.client_files import Asked, _Asker

    asked = Asked(source="", stdin_format="", text_column="", id_column=None, n_best=0,
                  is_qa=False, options={})  # fmt: skip
    rows = [Row(f"f:{n}", f"/f:{n}", (text,)) for n, text in enumerate([b"good", b"x"], 1)]
    with LightServer([400, 200, 400]) as server, Client(server.endpoint("http")) as client:
        good, refused = _Asker(client, asked).ask(rows)
    assert json.loads(good) == {"id": "f:1", "probability": 0.9}
    assert (refused.id, refused.reason.startswith("refused: ")) == ("f:2", True)
