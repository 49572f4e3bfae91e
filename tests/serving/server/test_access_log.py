"""A request as a line of text or JSON."""

import io
import json
import logging

import pytest

from serving.server import access_log

FIELDS = {
    "transport": "REST", "method": "predict", "model": "m", "version": 3, "signature": "",
    "rows": 2, "status": "OK", "milliseconds": 1.5, "client": "127.0.0.1:9",
}  # fmt: skip


@pytest.fixture
def log(monkeypatch):
    """Configures the log as the server does; gives what was written."""
    root, written = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(written)
    monkeypatch.setattr(root, "handlers", [handler])

    def write(kind, **fields):
        access_log.configure(kind)
        access_log.write(**FIELDS | fields)
        return written.getvalue()

    yield write
    access_log.configure("off")


def test_off_writes_nothing(log):
    assert log("off") == ""


def test_text(log):
    assert log("text") == (
        "request transport=REST method=predict model=m version=3 rows=2 status=OK "
        "milliseconds=1.5 client=127.0.0.1:9\n"
    )


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("a b", 'model="a b"'),
        ("a\nrequest status=OK", r'model="a\nrequest status=OK"'),
        ('a"b', r'model="a\"b"'),
        ("a\x1b[31m", r'model="a\u001b[31m"'),
    ],
    ids=["space", "line-break", "quote", "escape"],
)
def test_names_from_clients_cannot_forge_a_line(log, model, text):
    written = log("text", model=model)
    assert text in written
    assert written.count("\n") == 1


def test_json(log):
    line = json.loads(log("json"))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "INFO", **FIELDS}


def test_json_of_other_messages_and_exceptions(log):
    log("json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("serving").exception("failed %d times", 2)
    *_, last = logging.getLogger().handlers[0].stream.getvalue().splitlines()
    line = json.loads(last)
    assert (line["logger"], line["level"], line["message"]) == (
        "serving",
        "ERROR",
        "failed 2 times",
    )
    assert line["exception"].endswith("ValueError: two\nlines")
