"""Folders on S3 (moto's server) and HDFS (a name node's REST interface) that can be written to."""

import contextlib
import http.server
import pathlib
import shutil
import threading
import urllib.parse
import uuid
from collections.abc import Iterator

import boto3
from apache_beam.io.filesystems import FileSystems
from moto.server import ThreadedMotoServer

from preprocessing import remote_files
from tests.preprocessing import webhdfs


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """The URL of an empty bucket, that Beam's file systems know how to reach."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    bucket = f"data-{uuid.uuid4().hex}"  # all servers of a process hold the same
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket=bucket)
    flags = [f"--s3_endpoint_url={url}", "--s3_region_name=us-east-1"]
    try:
        with _configured([*flags, "--s3_access_key_id=a", "--s3_secret_access_key=b"]):
            yield f"s3://{bucket}"
    finally:
        server.stop()


@contextlib.contextmanager
def hdfs(root: pathlib.Path) -> Iterator[str]:
    """The URL of an empty folder, which is `root`'s folder "data"."""
    (root / "data").mkdir()
    handler = type("Handler", (_WritingHandler,), {"folder": root})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        flags = ["--hdfs_host=127.0.0.1", f"--hdfs_port={server.server_port}", "--hdfs_user=me"]
        try:
            with _configured(flags):
                yield "hdfs://data"
        finally:
            server.shutdown()


@contextlib.contextmanager
def _configured(flags: list[str]) -> Iterator[None]:
    remote_files.configure(flags)
    try:
        yield
    finally:
        FileSystems.set_options(None)


class _WritingHandler(webhdfs._Handler):
    """As WebHDFS has it: a file is created in two requests, and nothing moves onto a file."""

    def do_PUT(self):  # noqa: N802
        path, query = self._asked()
        if query["op"] == "MKDIRS":
            path.mkdir(parents=True, exist_ok=True)
            self._send(200, webhdfs._json(boolean=True))
        elif query["op"] == "RENAME":
            target = self.folder / query["destination"].removeprefix("/")
            can_be = path.exists() and not target.is_file() and target.parent.is_dir()
            if can_be:
                path.rename(target)
            self._send(200, webhdfs._json(boolean=can_be))
        elif "write" in query:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._body())
            self._send(201, b"")
        else:
            self.send_response(307)
            host = self.headers["Host"]
            self.send_header("Location", f"http://{host}{self.path}&write=1")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_DELETE(self):  # noqa: N802
        path, query = self._asked()
        assert query["op"] == "DELETE"
        found = path.exists()
        if path.is_dir():
            shutil.rmtree(path)
        elif found:
            path.unlink()
        self._send(200, webhdfs._json(boolean=found))

    def _asked(self) -> tuple[pathlib.Path, dict[str, str]]:
        url = urllib.parse.urlsplit(self.path)
        path = self.folder / urllib.parse.unquote(url.path).removeprefix("/webhdfs/v1/")
        return path, dict(urllib.parse.parse_qsl(url.query))

    def _body(self) -> bytes:
        """Sent in chunks."""
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content
