"""A name node's REST interface (WebHDFS) over a local folder, as far as reading needs it."""

import contextlib
import http.server
import json
import pathlib
import threading
import urllib.parse
from collections.abc import Iterator


@contextlib.contextmanager
def serve(folder: pathlib.Path) -> Iterator[int]:
    """Serves a folder as the root of a file system on loopback; gives the port."""
    handler = type("Handler", (_Handler,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    folder: pathlib.Path

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        path = self.folder / urllib.parse.unquote(url.path).removeprefix("/webhdfs/v1/")
        if not path.exists():
            self._send(404, _json(RemoteException=_missing(path)))
        elif query["op"] == "GETFILESTATUS":
            self._send(200, _json(FileStatus=_status(path, "")))
        elif query["op"] == "LISTSTATUS":
            found = [path] if path.is_file() else sorted(path.iterdir())
            statuses = [_status(file, "" if file == path else file.name) for file in found]
            self._send(200, _json(FileStatuses={"FileStatus": statuses}))
        else:
            assert query["op"] == "OPEN"
            start = int(query.get("offset", 0))
            self._send(200, path.read_bytes()[start:][: int(query.get("length", 1 << 40))])

    def _send(self, code: int, content: bytes) -> None:
        self.send_response(code)
        is_json = content.startswith(b"{")
        self.send_header(
            "Content-Type", "application/json" if is_json else "application/octet-stream"
        )
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def _json(**fields) -> bytes:
    return json.dumps(fields).encode()


def _missing(path: pathlib.Path) -> dict:
    message = f"File does not exist: {path}"
    return {"exception": "FileNotFoundException", "javaClassName": "", "message": message}


def _status(path: pathlib.Path, suffix: str) -> dict:
    return {
        "type": "DIRECTORY" if path.is_dir() else "FILE",
        "length": 0 if path.is_dir() else path.stat().st_size,
        "modificationTime": 0,
        "pathSuffix": suffix,
    }
