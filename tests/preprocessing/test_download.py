import gzip
import hashlib
import http.server
import re
import threading

import pytest

from preprocessing.download import download
from preprocessing.errors import InputError

CONTENT = bytes(range(256)) * 4000  # about a megabyte
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path behaves in its own way; `server.requests` keeps (path, range asked for)."""

    def do_GET(self):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        self.server.requests.append((self.path, start))
        getattr(self, f"_{self.path.strip('/').replace('-', '_')}")(start)

    def _file(self, start):
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self._send(206 if start else 200, CONTENT[start:])

    def _cut_once(self, start):
        if start:
            self._file(start)
        else:
            self._send(200, CONTENT[:HALF], len(CONTENT))

    def _cut_and_no_ranges(self, start):
        first = len(self.server.requests) == 1
        self._send(200, CONTENT[:HALF] if first else CONTENT, len(CONTENT))

    def _other_content(self, start):
        self._send(200, b"another file")

    def _compressing(self, start):
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self._send(200, gzip.compress(CONTENT), encoding="gzip")
        else:
            self._cut_once(start)

    def _moved(self, start):
        self.send_response(302)
        self.send_header("Location", "/file")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _absent(self, start):
        self.send_error(404)

    def _send(self, status, body, length=None, encoding=None):
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raw" / "data.bin"


def names(path):
    return [file.name for file in path.parent.iterdir()]


@pytest.mark.parametrize("name", ["file", "moved"])
def test_the_file_is_fetched_once(server, path, name):
    download(f"{server.url}/{name}", path, SHA256)
    assert path.read_bytes() == CONTENT
    assert names(path) == ["data.bin"]
    requests = list(server.requests)
    download(f"{server.url}/{name}", path, SHA256)
    assert server.requests == requests


def test_another_file_of_that_name_is_replaced(server, path):
    path.parent.mkdir()
    path.write_text("an older version")
    download(f"{server.url}/file", path, SHA256)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "second_start"),
    [("cut-once", HALF), ("cut-and-no-ranges", HALF), ("compressing", HALF)],
)
def test_a_broken_download_goes_on_with_the_next_call(server, path, name, second_start):
    with pytest.raises(InputError, match="run the same command again to go on"):
        download(f"{server.url}/{name}", path, SHA256)
    assert names(path) == ["data.bin.part"]
    download(f"{server.url}/{name}", path, SHA256)
    assert server.requests == [(f"/{name}", 0), (f"/{name}", second_start)]
    assert path.read_bytes() == CONTENT
    assert names(path) == ["data.bin"]


def test_a_whole_part_is_published(server, path):
    path.parent.mkdir()
    path.with_name("data.bin.part").write_bytes(CONTENT)
    download(f"{server.url}/file", path, SHA256)
    assert path.read_bytes() == CONTENT


def test_a_wrong_part_is_deleted(server, path):
    path.parent.mkdir()
    path.with_name("data.bin.part").write_bytes(b"x" * len(CONTENT))
    with pytest.raises(InputError, match="The file was deleted"):
        download(f"{server.url}/file", path, SHA256)
    download(f"{server.url}/file", path, SHA256)
    assert path.read_bytes() == CONTENT


def test_other_content_is_never_published(server, path):
    with pytest.raises(InputError) as caught:
        download(f"{server.url}/other-content", path, SHA256)
    found = hashlib.sha256(b"another file").hexdigest()
    assert str(caught.value).startswith(
        f"{server.url}/other-content: SHA-256 of the 12 bytes is {found}, expected {SHA256}."
    )
    assert names(path) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{server}/absent", "HTTP status 404."),
        ("http://127.0.0.1:1/file", "Connection refused. Check the network, or bring the file to"),
        ("ftp://example.org/file", "Check the network, or bring the file to"),
        ("http://[half", "Check the network, or bring the file to"),
    ],
    ids=["not-found", "no-server", "no-http", "not-an-address"],
)
def test_errors_name_the_address_and_leave_no_file(server, path, url, message):
    url = url.format(server=server.url)
    with pytest.raises(InputError) as caught:
        download(url, path, SHA256)
    assert str(caught.value).startswith(f"{url}: ")
    assert message in str(caught.value)
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "raw").write_text("a file")
    with pytest.raises(InputError, match="raw: cannot make it"):
        download(f"{server.url}/file", tmp_path / "raw" / "data.bin", SHA256)
