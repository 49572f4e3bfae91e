"""The REST API: routes, HTTP statuses and bodies (API page, section 4)."""

import asyncio
import contextlib
import functools
import json
import logging
import re
import time
import urllib.parse

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from serving.server import metadata, metrics, prediction
from serving.server.manager import ModelManager
from serving.server.observation import Observation, current, observe
from serving.server.rest_bodies import Bodies
from serving.server.rest_inference import RestInference
from serving.server.rest_threads import BoundedThreads
from serving.server.status import Code, StatusError, invalid_argument

logger = logging.getLogger(__name__)

_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_INFERENCE = re.compile(
    r"(?i:/v1/models)/(?P<name>[^/:]+)" + _VERSION + r":(?P<method>predict|classify|regress)"
)
_STATUS = re.compile(r"(?i:/v1/models)(?:/(?P<name>[^/:]+))?" + _VERSION)
_METADATA = re.compile(r"(?i:/v1/models)/(?P<name>[^/:]+)" + _VERSION + r"/metadata")
_MAX_INT64 = 2**63 - 1
_WAITING_PER_THREAD = 32  # requests that wait for a thread; more are refused

HTTP_STATUS = {
    Code.INVALID_ARGUMENT: 400, Code.FAILED_PRECONDITION: 400, Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401, Code.PERMISSION_DENIED: 403, Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409, Code.ABORTED: 409, Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499, Code.UNIMPLEMENTED: 501, Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}  # fmt: skip
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_NOT_FOUND_PAGE = """<!DOCTYPE html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The REST API is under /v1/models.</p></body></html>
"""


class RestApi:
    """An ASGI application. Models run in threads, so that they never hold up the event loop."""

    def __init__(
        self,
        manager: ModelManager,
        threads: int,
        timeout_s: float,
        cors: bool,
        check_method_name: bool,
        metrics_path: str = "",
    ):
        self._manager, self._timeout_s = manager, timeout_s
        self._inference = RestInference(manager, check_method_name)
        self._metrics_path = metrics_path  # "": no page of metrics
        self._headers = _CORS if cors else {}
        self._threads = BoundedThreads(threads, max_waiting=_WAITING_PER_THREAD * threads)
        self._bodies = Bodies()

    def begin_stop(self) -> None:
        """Every answer from now on is the last one of its connection."""
        self._headers = {**self._headers, "Connection": "close"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", scope["type"]
        request = Request(scope, receive)
        try:
            response = await self._respond(request, _path_and_query(scope))
        except ClientDisconnect:  # heard only by one that has ended its own side alone
            response = _error(499, "The connection was ended while the request waited for a thread")
        response.headers.update(self._headers)
        await response(scope, receive, send)

    async def _respond(self, request: Request, path: str) -> Response:
        if self._metrics_path and path.partition("?")[0] == self._metrics_path:
            return await self._metrics(path)
        if not path.lower().startswith("/v1/"):
            return Response(_NOT_FOUND_PAGE, 404, media_type="text/html")
        if request.method == "OPTIONS":
            origin = request.headers.get("origin", "")
            known = "http://" in origin or "https://" in origin
            return Response(status_code=200 if known else 400)
        seen = Observation("REST", client=_address(request))
        try:
            async with self._bodies.read(request) as body:
                deadline = time.monotonic() + self._timeout_s
                answer = functools.partial(self._answer, request, path, body, deadline, seen)
                ended = functools.partial(_client_ended, request)
                return await self._threads.run(answer, deadline, ended)
        except StatusError as error:  # no place for the body, or no thread
            with contextlib.suppress(StatusError), observe(seen):
                raise
            return _error(HTTP_STATUS[error.code], error.message)

    async def _metrics(self, path: str) -> Response:
        plain = {"content-type": "text/plain"}  # without a charset, as the reference has it
        if path != self._metrics_path:
            text = f"Unexpected path: {path}. Should be {self._metrics_path}"
            return Response(text, 400, plain)
        # Not in the threads of the API: the page is there when all of those wait.
        return Response(await asyncio.to_thread(metrics.page), headers=plain)

    def _answer(
        self, request: Request, path: str, body: bytearray, deadline: float, seen: Observation
    ) -> Response:
        method, encoding = request.method, request.headers.get("content-encoding", "")
        try:
            with observe(seen), self._bodies.inflate(body, encoding) as inflated:
                return self._dispatch(method, path, inflated, deadline)
        except StatusError as error:
            return _error(HTTP_STATUS.get(error.code, 500), error.message)
        except Exception as error:
            logger.exception("%s %s failed", method, path)
            return _error(500, f"{type(error).__name__}: {error}")

    def _dispatch(self, method: str, path: str, body: bytes, deadline: float) -> Response:
        routes = {"POST": [(_INFERENCE, self._infer)],
                  "GET": [(_STATUS, self._status), (_METADATA, self._metadata)]}  # fmt: skip
        for pattern, handle in routes.get(method, []):
            if match := pattern.fullmatch(path):
                _see(match)
                if _number(match["version"] or "0") > _MAX_INT64:
                    current().code = Code.INVALID_ARGUMENT
                    return Response(status_code=400, media_type="application/json")
                return handle(match, body, deadline)
        raise invalid_argument(f"Malformed request: {method} {path}")

    def _infer(self, match: re.Match, body: bytes, deadline: float) -> Response:
        return _json(self._inference.answer(match["method"], _model_spec(match), body, deadline))

    def _status(self, match: re.Match, body: bytes, deadline: float) -> Response:
        if match["name"] is None:
            raise invalid_argument("Missing model name in request.")
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=_model_spec(match))
        return _json(_proto_json(prediction.get_model_status(self._manager, request)))

    def _metadata(self, match: re.Match, body: bytes, deadline: float) -> Response:
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_model_spec(match), metadata_field=["signature_def"]
        )
        response = metadata.get_model_metadata(self._manager, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return _json(
            f'{{"model_spec": {_proto_json(response.model_spec)},\n'
            f'"metadata": {{"signature_def": {_proto_json(signatures)}}}}}'
        )


def _see(match: re.Match) -> None:
    """Notes what the path says of a request."""
    named = match.groupdict()
    current().method = named.get("method") or ""
    current().model = urllib.parse.unquote(named["name"] or "")


async def _client_ended(request: Request) -> None:
    """Returns when the client of a RestProtocol's connection has gone, or sends nothing more."""
    await request.state.client_ended.wait()


def _address(request: Request) -> str:
    return f"{request.client.host}:{request.client.port}" if request.client else ""


def _model_spec(match: re.Match) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=urllib.parse.unquote(match["name"]))
    if match["version"]:
        spec.version.value = _number(match["version"])
    elif match["label"]:
        spec.version_label = urllib.parse.unquote(match["label"])
    return spec


def _number(digits: str) -> int:
    """Their value, or one beyond int64; Python refuses to read thousands of digits."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= len(str(_MAX_INT64)) else _MAX_INT64 + 1


def _path_and_query(scope: Scope) -> str:
    """The request target as it came: still percent-encoded, with the query string."""
    query = scope["query_string"]
    return (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")


def _proto_json(message: Message) -> str:
    return json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _json(content: str | bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


def _error(status: int, message: str) -> Response:
    text = json.dumps({"error": message}, ensure_ascii=False)
    return _json(text.encode("utf-8", "surrogateescape"), status)
