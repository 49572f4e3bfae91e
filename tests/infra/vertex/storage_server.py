"""Cloud Storage's JSON API on loopback, with its objects in memory."""

import base64
import json
import socket
import threading

import flask
import google_crc32c
from werkzeug.serving import make_server

from tests.infra.vertex.faults import Faults


class StorageServer:
    """Buckets and objects; `objects` and `uploads` are what a test looks at."""

    def __init__(self):
        self.faults = Faults()
        self.buckets = {}  # name -> resource
        self.objects = {}  # (bucket, name) -> bytes
        self.uploads = []  # names in the order in which they came
        self._sessions = {}
        self._server = make_server("127.0.0.1", 0, self._app(), threaded=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()

    def _app(self):
        app = flask.Flask("storage")
        rule = app.add_url_rule
        bucket, objects = "/storage/v1/b/<bucket>", "/storage/v1/b/<bucket>/o"
        rule("/storage/v1/b", view_func=self._faulty("create_bucket"), methods=["POST"])
        rule(bucket, view_func=self._faulty("get_bucket"), methods=["GET"])
        rule(bucket, view_func=self._faulty("delete_bucket"), methods=["DELETE"])
        rule(objects, view_func=self._faulty("list_objects"), methods=["GET"])
        rule(f"{objects}/<path:name>", view_func=self._faulty("get_object"), methods=["GET"])
        rule(f"{objects}/<path:name>", view_func=self._faulty("delete_object"), methods=["DELETE"])
        upload = "/upload/storage/v1/b/<bucket>/o"
        rule(upload, view_func=self._faulty("upload"), methods=["POST"])
        rule("/session/<session>", view_func=self._faulty("put"), methods=["PUT"])
        return app

    def _faulty(self, method):
        def view(**arguments):
            fault = self.faults.next(method)
            if fault and fault.kind == "before":
                return _error(int(fault.code), fault.message)
            answer = getattr(self, f"_{method}")(**arguments)
            if fault and fault.kind == "hold":
                fault.hold()
            if fault and fault.kind == "drop":
                flask.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return answer

        view.__name__ = method
        return view

    def _create_bucket(self):
        resource = flask.request.get_json()
        if resource["name"] in self.buckets:
            return _error(409, "Your previous request to create the named bucket succeeded.")
        self.buckets[resource["name"]] = resource
        return resource

    def _get_bucket(self, bucket):
        return self.buckets.get(bucket) or _error(404, "The specified bucket does not exist.")

    def _delete_bucket(self, bucket):
        if any(owner == bucket for owner, _ in self.objects):
            return _error(409, "The bucket you tried to delete is not empty.")
        del self.buckets[bucket]
        return "", 204

    def _list_objects(self, bucket):
        if bucket not in self.buckets:
            return _error(404, "The specified bucket does not exist.")
        start = flask.request.args.get("prefix", "")
        names = sorted(name for owner, name in self.objects if owner == bucket)
        return {"items": [self._resource(bucket, name) for name in names if name.startswith(start)]}

    def _get_object(self, bucket, name):
        if (bucket, name) not in self.objects:
            return _error(404, f"No such object: {bucket}/{name}")
        if flask.request.args.get("alt") == "media":
            return self.objects[bucket, name]
        return self._resource(bucket, name)

    def _delete_object(self, bucket, name):
        if self.objects.pop((bucket, name), None) is None:
            return _error(404, f"No such object: {bucket}/{name}")
        return "", 204

    def _upload(self, bucket):
        if bucket not in self.buckets:
            return _error(404, "The specified bucket does not exist.")
        if flask.request.args["uploadType"] == "resumable":
            metadata = flask.request.get_json()
            session = str(len(self._sessions))
            self._sessions[session] = bucket, metadata
            return "", 200, {"Location": f"{self.address}/session/{session}"}
        metadata, content = _parts(flask.request)
        return self._store(bucket, metadata, content)

    def _put(self, session):
        bucket, metadata = self._sessions[session]
        return self._store(bucket, metadata, flask.request.get_data())

    def _store(self, bucket, metadata, content):
        name = metadata["name"]
        if metadata.get("crc32c") not in (None, crc32c(content)):
            return _error(400, "Provided CRC32C does not match.")
        self.objects[bucket, name] = content
        self.uploads.append(name)
        return self._resource(bucket, name)

    def _resource(self, bucket, name):
        content = self.objects[bucket, name]
        return {
            "kind": "storage#object", "bucket": bucket, "name": name, "size": str(len(content)),
            "generation": "1", "crc32c": crc32c(content),
        }  # fmt: skip


def crc32c(content):
    """The checksum of bytes as the API gives it."""
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


def _parts(request):
    """Metadata and content of a multipart/related request."""
    boundary = request.mimetype_params["boundary"].encode()
    _, metadata, content, _ = request.get_data().split(b"--" + boundary)
    bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in (metadata, content)]
    return json.loads(bodies[0]), bodies[1]


def _error(code, message):
    return {"error": {"code": code, "message": message}}, code
