"""A model server without TensorFlow, to fail as a test wants: real gRPC, real HTTP, real TLS.

It serves one model of texts: 0.9 with "good" in them, else 0.1. As a process of its own:
`python -m tests.serving.clients.light_server PORT`. A text "wait" is never answered, "a moment"
after 50 ms, and "together" when there are three of them, or after two seconds.
"""

import asyncio
import concurrent.futures
import contextlib
import json
import socket
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
import uvicorn

from serving import protocol

_ANSWERED = "OK"


class LightServer:
    """Both protocols on ports of 127.0.0.1, as a `with` block.

    Args:
        failures: gRPC codes or HTTP statuses to answer with, one a request; after them it works.
        credentials: of gRPC; None: no TLS.
        ssl: uvicorn's `ssl_*` settings.
        socket_path: a Unix socket for gRPC, too.

    Attributes:
        batches: the texts of each Predict that arrived, refused ones included.
    """

    def __init__(
        self, failures: Iterable[str | int] = (), credentials: Any = None,
        ssl: dict[str, Any] | None = None, socket_path: str = "", grpc_port: int = 0,
    ):  # fmt: skip
        self._failures = list(failures)
        self.batches: list[list[str]] = []
        self.peers: set[str] = set()
        self.most_at_once = self._at_once = 0
        self._lock, self._three = threading.Lock(), threading.Barrier(3)
        self._grpc = grpc.server(
            concurrent.futures.ThreadPoolExecutor(16),
            options=[("grpc.max_receive_message_length", -1)],
        )
        self._grpc.add_generic_rpc_handlers((_Handler(self),))
        where = f"127.0.0.1:{grpc_port}"
        add = self._grpc.add_insecure_port
        self.grpc_port = (
            self._grpc.add_secure_port(where, credentials) if credentials else add(where)
        )
        if socket_path:
            add(f"unix:{socket_path}")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.rest_port = self._socket.getsockname()[1]
        settings = {"log_level": "critical", "lifespan": "off", "interface": "asgi3", **(ssl or {})}
        self._rest = uvicorn.Server(uvicorn.Config(self._app, **settings))
        self._thread = threading.Thread(
            target=self._rest.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> "LightServer":
        self._grpc.start()
        self._thread.start()
        while not self._rest.started:
            assert self._thread.is_alive()
            self._thread.join(0.01)
        return self

    def __exit__(self, *exception: object) -> None:
        self._grpc.stop(grace=None)
        self._rest.should_exit = self._rest.force_exit = True
        self._thread.join()

    def port(self, scheme: str) -> int:
        return self.grpc_port if scheme.startswith("grpc") else self.rest_port

    def endpoint(self, scheme: str) -> str:
        return f"{scheme}://127.0.0.1:{self.port(scheme)}"

    def answer(self, texts: Sequence[str], peer: str) -> tuple[str | int, list[float]]:
        """What a request gets: a code or status, and the probabilities."""
        with self._lock:
            self.batches.append(list(texts))
            self.peers.add(peer)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            failure = self._failures.pop(0) if self._failures else _ANSWERED
        if "wait" in texts:
            threading.Event().wait()
        if "together" in texts:
            with contextlib.suppress(threading.BrokenBarrierError):
                self._three.wait(2.0)
        if "a moment" in texts:
            threading.Event().wait(0.05)
        with self._lock:
            self._at_once -= 1
        return failure, [0.9 if "good" in text else 0.1 for text in texts]

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("/metadata"):
            status, body = 200, _METADATA
        elif (b"content-type", b"application/json") not in scope["headers"]:
            status, body = 415, {"error": "expected JSON"}
        else:
            data, more = b"", True
            while more:
                message = await receive()
                data, more = data + message.get("body", b""), message.get("more_body", False)
            peer = ":".join(map(str, scope["client"]))
            texts = json.loads(data)["inputs"]["text"]
            found, values = await asyncio.to_thread(self.answer, texts, peer)
            status = 200 if found == _ANSWERED else found
            body = {"outputs": values} if status == 200 else {"error": f"scripted {status}"}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


_SPEC = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}], "unknown_rank": False}}
_METADATA = {
    "model_spec": {"name": "sentiment", "version": "1"},
    "metadata": {"signature_def": {"signature_def": {"serving_default": {
        "method_name": "tensorflow/serving/predict", "inputs": {"text": _SPEC},
        "outputs": {"probability": _SPEC},
    }}}},
}  # fmt: skip


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, server: LightServer):
        self._server = server

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        if handler_call_details.method != protocol.PREDICT:
            return None  # UNIMPLEMENTED
        return grpc.unary_unary_rpc_method_handler(
            self._predict, protocol.PredictRequest.FromString,
            lambda response: response.SerializeToString(),
        )  # fmt: skip

    def _predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        texts = [text.decode() for text in request.inputs["text"].string_val]
        code, values = self._server.answer(texts, context.peer())
        if code != _ANSWERED:
            context.abort(grpc.StatusCode[str(code)], f"scripted {code}")
        response = protocol.PredictResponse()
        tensor = response.outputs["probability"]
        tensor.dtype = protocol.DataType.DT_FLOAT
        tensor.tensor_shape.dim.add(size=len(values))
        tensor.float_val.extend(values)
        return response


if __name__ == "__main__":
    with LightServer(grpc_port=int(sys.argv[1])) as running:
        print(running.grpc_port, running.rest_port, flush=True)
        threading.Event().wait()
