"""The client library and its command line, against a real server over both transports."""

import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from serving import errors
from serving.client import NO_RETRIES, Client
from serving.client_output import describe_answer
from serving.results import Answer, Classification, Metadata, Signature, TensorSpec, VersionStatus
from tests.serving.clients.in_loop import InLoop
from tests.serving.server_process import REPOSITORY, ServerProcess, free_port

TRANSPORTS = ("grpc", "http")
KINDS = {"blocking": Client, "async": InLoop}


@pytest.fixture(params=[(kind, scheme) for kind in KINDS for scheme in TRANSPORTS], ids="-".join)
def client(request, small_models_server):
    kind, scheme = request.param
    with KINDS[kind](endpoint(scheme, small_models_server), timeout_s=30) as client:
        yield client


def endpoint(scheme: str, server: ServerProcess) -> str:
    return f"{scheme}://localhost:{server.port if scheme == 'grpc' else server.rest_port}"


def run_client(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "serving.client", *arguments], input=stdin, capture_output=True,
        text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def test_classify(client):
    found = client.classify(["so good", "so bad", "", "好 good\n😀"])
    assert found == [Classification(one, None, ()) for one in (0.9, 0.1, 0.1, 0.9)]
    assert client.classify([]) == []


def test_any_iterable_of_texts(client):
    def of(*texts):
        return (text for text in texts)

    assert client.classify(of("so good", "so bad")) == client.classify(["so good", "so bad"])
    questions, contexts = ["other", "first"], ["a b", "😀 b"]
    assert client.answers(of(*questions), of(*contexts)) == client.answers(questions, contexts)
    assert client.nbests(of(*questions), of(*contexts)) == client.nbests(questions, contexts)
    predicted = client.predict("sentiment", {"text": ["good", "bad"]})
    assert client.predict("sentiment", {"text": of("good", "bad")}) == predicted


def test_answers(client):
    assert client.answer("first", "  Ünïcode 😀 text") == Answer("Ünïcode", 2, 9, 0.8, -2.5)
    assert client.answers(["other", "first"], ["a b", "😀 b"]) == [
        Answer("", -1, -1, 0.3, 4.25), Answer("😀", 0, 1, 0.8, -2.5),
    ]  # fmt: skip


def test_labels(client):
    assert client.classify(["a goal", "rain"], model="topics") == [
        Classification(0.75, "sport", (0.125, 0.75, 0.125)),
        Classification(0.625, "weather", (0.125, 0.25, 0.625)),
    ]


def test_n_best(client):
    first, none = Answer("Ada", 0, 3, 0.75, -2.5), Answer("", -1, -1, 0.25, -2.5)
    assert client.nbest("who?", "Ada wrote it") == [first, none]
    assert client.nbests(["a", "b"], ["Ada is", "\n😀"], 1) == [
        [first], [Answer("😀", 1, 2, 0.75, -2.5)],
    ]  # fmt: skip


def test_answers_of_a_version(client):
    assert client.classify(["good"], version=123)[0].probability == 0.9
    with pytest.raises(errors.ModelNotFound, match=r"Specific\(sentiment, 9\)"):
        client.classify(["good"], version=9)
    with pytest.raises(errors.InvalidRequest, match="sentiment label nope: Unrecognized servable"):
        client.classify(["good"], label="nope")


def test_status_and_metadata(client):
    assert client.status("qa") == [VersionStatus(123, "AVAILABLE", 0, "")]
    strings = TensorSpec("DT_STRING", (-1,))
    metadata = client.metadata("sentiment", version=123)
    assert metadata.signatures.pop("__saved_model_init_op").outputs == {
        "__saved_model_init_op": TensorSpec("DT_INVALID", None)
    }
    assert metadata == Metadata("sentiment", 123, {
        "serving_default": Signature(
            "tensorflow/serving/predict", {"text": strings},
            {"probability": TensorSpec("DT_FLOAT", (-1,))},
        )
    })  # fmt: skip


def test_predict_gives_the_same_over_both_transports(small_models_server):
    calls = [
        ("sentiment", {"text": ["good", "bad"]}, None, None),
        ("qa", {"question": ["first"], "context": ["word 😀"]}, None, 123),
        ("workbench", {"text": ["a", "é"]}, "text", None),
        ("workbench", {"x": ["a", ""]}, "echo_string", 123),
    ]
    with (
        Client(endpoint("grpc", small_models_server)) as over_grpc,
        Client(endpoint("http", small_models_server)) as over_rest,
    ):
        for call in calls:
            assert over_grpc.predict(*call) == over_rest.predict(*call), call
        assert over_grpc.predict(*calls[0]) == {"probability": [0.9, 0.1]}
        assert over_rest.predict(*calls[2]) == {
            "upper": ["A", "É".replace("É", "é")], "raw_bytes": [b"a", "é".encode()],
        }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        pytest.param(lambda c: c.predict("nope", {"x": ["a"]}), errors.ModelNotFound,
                     "Servable not found for request: Latest(nope)", id="model"),
        pytest.param(lambda c: c.predict("qa", {}, version=9), errors.ModelNotFound,
                     "qa version 9: Servable not found for request: Specific(qa, 9)", id="version"),
        pytest.param(lambda c: c.status("nope"), errors.ModelNotFound,
                     "Could not find any versions of model nope", id="status"),
        pytest.param(lambda c: c.predict("workbench", {"a": ["x"]}), errors.InvalidRequest,
                     "float", id="dtype"),
        pytest.param(lambda c: c.predict("workbench", {"a": ["x"]}, "nope"), errors.InvalidRequest,
                     '"nope" not found', id="signature"),
        pytest.param(lambda c: c.answers(["a", "b"], ["c"]), errors.InvalidRequest,
                     "2 questions but 1 contexts", id="pairs"),
        pytest.param(lambda c: c.nbest("a", "b", 21), errors.InvalidRequest,
                     "count is 21; expected 1 to 20", id="count"),
        pytest.param(lambda c: c.classify(["a"], version=1, label="b"), errors.InvalidRequest,
                     "version 1 and label 'b'; expected one", id="version-and-label"),
        pytest.param(lambda c: c.classify(["a"], model="workbench"), errors.InvalidRequest,
                     "workbench", id="other-model"),
        pytest.param(lambda c: c.classify(["a"], timeout_s=-1), errors.InvalidRequest,
                     "timeout_s is -1; expected a positive number", id="deadline"),
        pytest.param(lambda c: c.classify("text"), errors.InvalidRequest,
                     "input 'text' is one string; expected a list of strings", id="one-string"),
        pytest.param(lambda c: c.answers("text", ["a"] * 4), errors.InvalidRequest,
                     "input 'question' is one string; expected a list of strings", id="question"),
        pytest.param(lambda c: c.classify(None), errors.InvalidRequest,
                     "input 'text' is None; expected a list of strings", id="none"),
        pytest.param(lambda c: c.classify([b"x"]), errors.InvalidRequest,
                     "input 'text'[0] is b'x'; expected a string", id="bytes"),
        pytest.param(lambda c: c.classify(["a", "b\udc80"]), errors.InvalidRequest,
                     "input 'text'[1] cannot be written as UTF-8", id="surrogate"),
    ],
)  # fmt: skip
def test_errors_are_of_one_tree(client, call, kind, message):
    with pytest.raises(kind) as caught:
        call(client)
    assert message in str(caught.value)
    assert isinstance(caught.value, errors.ServingError)


@pytest.mark.parametrize("scheme", TRANSPORTS)
def test_no_server(scheme):
    nobody = f"{scheme}://localhost:{free_port()}"
    refused = pytest.raises(errors.Unavailable, match="Connection refused")
    with Client(nobody, timeout_s=10) as client, refused:
        client.classify(["x"])


@pytest.mark.parametrize("scheme", TRANSPORTS)
def test_the_deadline_holds_against_a_server_that_never_answers(scheme):
    with socket.create_server(("localhost", 0)) as silent:
        target = f"{scheme}://localhost:{silent.getsockname()[1]}"
        late = pytest.raises((errors.DeadlineExceeded, errors.Unavailable), match=r"0\.3 s")
        with Client(target, timeout_s=0.3) as client, late:
            client.classify(["x"])


def test_a_rest_answer_that_trickles_in_is_cut_at_the_deadline():
    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return
                threading.Event().wait(0.05)

    with socket.create_server(("localhost", 0)) as listener:
        threading.Thread(target=trickle, args=(listener,), daemon=True).start()
        target = f"http://localhost:{listener.getsockname()[1]}"
        with Client(target, timeout_s=0.4) as client, pytest.raises(errors.DeadlineExceeded):
            client.classify(["x"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", errors.InvalidResponse,
                     id="no-object"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", errors.InvalidResponse,
                     id="no-outputs"),
        pytest.param(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", errors.Unavailable,
                     id="503-of-a-proxy"),
        pytest.param(b"HTTP/1.1 429 Slow\r\nContent-Length: 14\r\n\r\n{\"error\": \"no\"}",
                     errors.Overloaded, id="429"),
        pytest.param(b"no HTTP at all\r\n\r\n", errors.Unavailable, id="no-http"),
    ],
)  # fmt: skip
def test_answers_that_no_model_server_gives(answer, kind):
    def reply(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    with socket.create_server(("localhost", 0)) as listener:
        threading.Thread(target=reply, args=(listener,), daemon=True).start()
        target = f"http://localhost:{listener.getsockname()[1]}"
        with Client(target, retries=NO_RETRIES) as client, pytest.raises(kind):
            client.classify(["x"])


@pytest.mark.parametrize(
    "target",
    ["", "localhost:8500", "ftp://localhost", "grpc://", "http://h:99999", "http://h/v1",
     "grpc://u@h", "http://h?x", "grpc+unix://socket", "grpc+unix:socket", "http+unix:///s"],
)  # fmt: skip
def test_endpoints_that_cannot_be_right(target):
    with pytest.raises(errors.InvalidEndpoint, match="expected grpc://HOST"):
        Client(target)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf")])
def test_deadlines_that_cannot_be_right(timeout_s):
    with pytest.raises(errors.InvalidRequest, match="expected a positive number of seconds"):
        Client(timeout_s=timeout_s)


@pytest.mark.parametrize("scheme", TRANSPORTS)
def test_threads_may_share_a_client(small_models_server, scheme):
    wrong = []
    client = Client(endpoint(scheme, small_models_server))

    def ask(word: str) -> None:
        for _ in range(20):
            if client.answer("first", f"{word} more").text != word:
                wrong.append(word)

    threads = [threading.Thread(target=ask, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert wrong == []


def test_the_import_is_light():
    code = (
        "import sys, time; start = time.process_time(); import serving.client, "
        "serving.grpc_transport, serving.grpc_messages, serving.rest_transport; "
        "print(time.process_time() - start, *sorted({m.split('.')[0] for m in sys.modules}))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       cwd=REPOSITORY).stdout.split() for _ in range(3)
    ]  # fmt: skip
    assert min(float(run[0]) for run in runs) < 0.5
    assert not {"tensorflow", "tensorflow_serving", "numpy", "preprocessing"} & set(runs[0])


# --- the command line ---


@pytest.mark.parametrize("scheme", TRANSPORTS)
def test_sentiment_command(small_models_server, scheme):
    target = ("--endpoint", endpoint(scheme, small_models_server))
    ended = run_client("sentiment", *target, "good film", "bad\nfilm")
    assert ended.stdout == "0.900  positive  good film\n0.100  negative  bad film\n"
    ended = run_client("sentiment", *target, "--json", "good", "bad")
    assert json.loads(ended.stdout) == [
        {"text": "good", "probability": 0.9}, {"text": "bad", "probability": 0.1},
    ]  # fmt: skip


def test_qa_command(small_models_server, tmp_path):
    target = ("--endpoint", endpoint("grpc", small_models_server))
    ended = run_client("qa", *target, "--question", "first", "--context", "  Ada wrote it.")
    assert ended.stdout == ("Ada\n  characters 2 to 5, probability 0.800\n  [[Ada]] wrote it.\n")
    (tmp_path / "context").write_bytes("\r\né b".encode())
    file = ("--context_file", str(tmp_path / "context"), "--json")
    ended = run_client("qa", *target, "--question", "first", *file)
    assert json.loads(ended.stdout) == {
        "text": "é", "start": 2, "end": 3, "probability": 0.8, "null_odds": -2.5,
    }  # fmt: skip
    ended = run_client("qa", *target, "--question", "who?", "--context", "x")
    assert ended.stdout == "no answer in this context (null odds 4.25)\n"


def test_status_and_metadata_commands(small_models_server):
    target = ("--endpoint", endpoint("http", small_models_server))
    ended = run_client("status", *target)
    assert ended.stdout == "sentiment version 123: AVAILABLE\nqa version 123: AVAILABLE\n"
    ended = run_client("metadata", *target, "half_plus_two_tf1")
    assert ended.stdout == (
        "half_plus_two_tf1 version 123\n"
        "  serving_default  (tensorflow/serving/predict)\n"
        "    input   x  DT_FLOAT [?, 1]\n"
        "    output  y  DT_FLOAT [?, 1]\n"
    )


def test_command_errors_are_one_line(tmp_path):
    nobody = f"grpc://localhost:{free_port()}"
    for arguments in (
        ["sentiment", "--endpoint", nobody, "x"],
        ["sentiment", "--endpoint", "nonsense", "x"],
        ["qa", "--question", "q", "--context_file", str(tmp_path / "missing")],
        ["status", "--endpoint", nobody, "--timeout_s", "-1"],
    ):
        ended = run_client(*arguments)
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: ")
        assert ended.stderr.count("\n") == 1


def test_a_context_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))
    ended = run_client("qa", "--question", "q", "--context_file", str(tmp_path / "latin"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: --context_file {tmp_path / 'latin'}: 'utf-8' codec")


@pytest.mark.parametrize("count", ["0", "-1", "21"])
@pytest.mark.parametrize("source", [("--question", "q", "--context", "c"), ("--input", "-")])
def test_a_count_of_answers_that_cannot_be_is_refused_before_anything_is_asked(source, count):
    nobody = f"http://localhost:{free_port()}"
    ended = run_client("qa", "--endpoint", nobody, *source, "--nbest", count)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: nbest: count is {count}; expected 1 to 20\n"


def test_an_excerpt_marks_the_answer():
    context = "a" * 100 + " Ada\nLovelace " + "b" * 100
    answer = Answer("Ada\nLovelace", 101, 113, 0.5, 0.0)
    assert describe_answer(answer, context).splitlines()[-1] == (
        f"  …{'a' * 59} [[Ada Lovelace]] {'b' * 59}…"
    )
