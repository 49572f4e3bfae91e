"""Clients of a model server: texts in, typed answers out, over gRPC or REST.

    with Client("grpc://localhost:8500") as client:
        client.classify(["A wonderful film."])              # [Classification(probability=0.98, …)]
        client.answer("Who wrote it?", "It was written by Ada.").text   # "Ada"

    async with AsyncClient("http://localhost:8501") as client:
        await client.classify(texts)

Nothing here imports TensorFlow. `python -m serving.client --help` is the command line.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, Unpack

import tenacity

from serving.calls import N_BEST, QA, SENTIMENT, Call, Calls, Options
from serving.errors import InvalidRequest
from serving.in_order import in_order
from serving.results import Answer, Classification, Metadata, VersionStatus
from serving.retries import NO_RETRIES, Retries
from serving.transport import (
    AsyncConnection,
    Connection,
    Deadline,
    Endpoint,
    Flow,
    Messages,
    Tls,
    check_tls,
    drive,
    drive_async,
    parse_endpoint,
)

__all__ = [
    "DEFAULT_ENDPOINT", "NO_RETRIES", "QA", "SENTIMENT", "AsyncClient", "Client", "Options",
    "Retries", "Tls",
]  # fmt: skip

DEFAULT_ENDPOINT = "grpc://localhost:8500"

T = TypeVar("T")


class _Settings:
    """What both clients are given, and check."""

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        timeout_s: float = 30.0,
        *,
        batch_size: int | None = 32,
        concurrency: int = 4,
        retries: Retries = Retries(),  # noqa: B008 - it cannot be changed
        tls: Tls | None = None,
    ):
        """Connects at the first call.

        Args:
            endpoint: grpc://HOST[:PORT], http://HOST[:PORT], with TLS grpcs:// and https://, or
                grpc+unix:///PATH; the ports are 8500, 8501 and, of https, 443 unless told
                otherwise.
            timeout_s: deadline of each call, with all its batches and their retries.
            batch_size: rows of one request; longer lists are cut, and their answers joined in
                order. None: never.
            concurrency: requests of one call that are under way at the same time.
            retries: when a request is sent again; `NO_RETRIES`: never.
            tls: of grpcs:// and https://, where it is more than the well-known authorities.

        Raises:
            InvalidEndpoint: it is no such address, or a file of the TLS cannot be read.
            InvalidRequest: a number cannot be right.
        """
        if concurrency < 1:
            raise InvalidRequest(f"concurrency is {concurrency}; expected 1 or more")
        self._endpoint = parse_endpoint(endpoint)
        self._tls = check_tls(self._endpoint, tls)
        self._timeout_s = _checked(timeout_s)
        self._concurrency, self._retries = concurrency, retries
        self._calls = Calls(_messages(self._endpoint), batch_size)
        self._process = os.getpid()
        self._open()

    def _open(self) -> None:
        raise NotImplementedError

    def _deadline(self, call: Call) -> Deadline:
        if os.getpid() != self._process:
            raise InvalidRequest(
                f"{self._endpoint}: the client was made in process {self._process}, and a "
                "connection does not outlive a fork; make a client in each process (over gRPC in "
                "a process that was spawned, or forked before gRPC's first call)"
            )
        return Deadline(self._timeout_s if call.timeout_s is None else _checked(call.timeout_s))


class Client(_Settings):
    """Asks one server; threads may share a client, processes may not.

    The connection is kept until `close`, or the end of a `with` block. All methods raise a
    `ServingError`, see `serving.errors` for the kinds, and take the `Options` by name.
    """

    def _open(self) -> None:
        self._connection = _connect(self._endpoint, self._tls)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Sequence[str]],
        signature_name: str | None = None,
        version: int | None = None,
        *,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, list]:
        """Runs a signature that takes strings.

        Args:
            model: its name on the server.
            inputs: for each input alias, one string per row.
            signature_name: "serving_default" unless told otherwise.
            version: the highest that serves unless told otherwise.
            label: of a version, in place of its number.
            timeout_s: deadline of this call, in place of the client's.

        Returns:
            For each output alias, nested lists of str, float, int, bool, or bytes (aliases that
            end in `_bytes`). Both transports return the same; a float32 is its shortest decimal.
        """
        options = Options(version=version, label=label, timeout_s=timeout_s)
        return self._run(self._calls.predict(model, inputs, signature_name, options, dict))

    def classify(self, texts: Sequence[str], **options: Unpack[Options]) -> list[Classification]:
        """What the model "sentiment" says of each text: the probability to be positive or, of
        more than two labels, the likeliest with the probabilities of all."""
        return self._run(self._calls.classify(texts, options))

    def answer(self, question: str, context: str, **options: Unpack[Options]) -> Answer:
        """The answer to a question from a context, from the model "qa"."""
        return self.answers([question], [context], **options)[0]

    def answers(
        self, questions: Sequence[str], contexts: Sequence[str], **options: Unpack[Options]
    ) -> list[Answer]:
        """The answers to several questions, each from the context at the same place."""
        return self._run(self._calls.answers(questions, contexts, options))

    def nbest(
        self, question: str, context: str, count: int = N_BEST, **options: Unpack[Options]
    ) -> list[Answer]:
        """The best answers to a question, up to `count` (1 to 20), the likeliest first."""
        return self.nbests([question], [context], count, **options)[0]

    def nbests(
        self,
        questions: Sequence[str],
        contexts: Sequence[str],
        count: int = N_BEST,
        **options: Unpack[Options],
    ) -> list[list[Answer]]:
        """The best answers to several questions, each from the context at the same place."""
        return self._run(self._calls.nbests(questions, contexts, count, options))

    def status(
        self, model: str, version: int | None = None, *, timeout_s: float | None = None
    ) -> list[VersionStatus]:
        """The versions of a model that the server knows, highest first."""
        options = Options(version=version, timeout_s=timeout_s)
        return self._run(self._calls.status(model, options))

    def metadata(
        self,
        model: str,
        version: int | None = None,
        *,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> Metadata:
        """The signatures of the version that serves."""
        options = Options(version=version, label=label, timeout_s=timeout_s)
        return self._run(self._calls.metadata(model, options))

    def close(self) -> None:
        """Ends the connection; the client cannot be used after it."""
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        deadline = self._deadline(call)

        def send(request: Any) -> Any:
            retrying = tenacity.Retrying(**self._retries.within(deadline))
            return retrying(self._connection.send, request, deadline)

        def run(flow: Flow) -> Any:
            return drive(flow, send)

        if len(call.flows) == 1:  # no thread for it
            return call.join([run(call.flows[0])])
        return call.join(list(in_order(run, call.flows, self._concurrency)))


class AsyncClient(_Settings):
    """Asks one server from an event loop; the methods are those of `Client`, to be awaited.

    It belongs to the loop that its first call runs in.
    """

    def _open(self) -> None:
        self._connection: AsyncConnection | None = None  # until there is a loop

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, Sequence[str]],
        signature_name: str | None = None,
        version: int | None = None,
        *,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, list]:
        """See `Client.predict`."""
        options = Options(version=version, label=label, timeout_s=timeout_s)
        return await self._run(self._calls.predict(model, inputs, signature_name, options, dict))

    async def classify(
        self, texts: Sequence[str], **options: Unpack[Options]
    ) -> list[Classification]:
        """See `Client.classify`."""
        return await self._run(self._calls.classify(texts, options))

    async def answer(self, question: str, context: str, **options: Unpack[Options]) -> Answer:
        """See `Client.answer`."""
        return (await self.answers([question], [context], **options))[0]

    async def answers(
        self, questions: Sequence[str], contexts: Sequence[str], **options: Unpack[Options]
    ) -> list[Answer]:
        """See `Client.answers`."""
        return await self._run(self._calls.answers(questions, contexts, options))

    async def nbest(
        self, question: str, context: str, count: int = N_BEST, **options: Unpack[Options]
    ) -> list[Answer]:
        """See `Client.nbest`."""
        return (await self.nbests([question], [context], count, **options))[0]

    async def nbests(
        self,
        questions: Sequence[str],
        contexts: Sequence[str],
        count: int = N_BEST,
        **options: Unpack[Options],
    ) -> list[list[Answer]]:
        """See `Client.nbests`."""
        return await self._run(self._calls.nbests(questions, contexts, count, options))

    async def status(
        self, model: str, version: int | None = None, *, timeout_s: float | None = None
    ) -> list[VersionStatus]:
        """See `Client.status`."""
        options = Options(version=version, timeout_s=timeout_s)
        return await self._run(self._calls.status(model, options))

    async def metadata(
        self,
        model: str,
        version: int | None = None,
        *,
        label: str | None = None,
        timeout_s: float | None = None,
    ) -> Metadata:
        """See `Client.metadata`."""
        options = Options(version=version, label=label, timeout_s=timeout_s)
        return await self._run(self._calls.metadata(model, options))

    async def close(self) -> None:
        """Ends the connection; the client cannot be used after it."""
        if self._connection:
            await self._connection.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _run(self, call: Call[T]) -> T:
        deadline = self._deadline(call)
        connection = self._connection or _connect_async(self._endpoint, self._tls)
        self._connection = connection
        places = asyncio.Semaphore(self._concurrency)

        async def send(request: Any) -> Any:
            retrying = tenacity.AsyncRetrying(**self._retries.within(deadline))
            return await retrying(connection.send, request, deadline)

        async def run(flow: Flow) -> Any:
            async with places:
                return await drive_async(flow, send)

        if len(call.flows) == 1:  # no task for it
            return call.join([await run(call.flows[0])])
        tasks = [asyncio.create_task(run(flow)) for flow in call.flows]
        try:
            return call.join(await asyncio.gather(*tasks))
        finally:  # after a failure the others are of no use
            for task in tasks:
                task.cancel()


def _checked(timeout_s: float) -> float:
    if not 0 < timeout_s < float("inf"):
        raise InvalidRequest(f"timeout_s is {timeout_s}; expected a positive number of seconds")
    return timeout_s


# Imported where they are used, so that a client loads only the one library it needs.
def _messages(endpoint: Endpoint) -> Messages:
    if endpoint.is_grpc:
        from serving.grpc_messages import GrpcMessages

        return GrpcMessages()
    from serving.rest_messages import RestMessages

    return RestMessages(endpoint)


def _connect(endpoint: Endpoint, tls: Tls) -> Connection:
    if endpoint.is_grpc:
        from serving.grpc_transport import GrpcConnection

        return GrpcConnection(endpoint, tls)
    from serving.rest_transport import RestConnection

    return RestConnection(endpoint, tls)


def _connect_async(endpoint: Endpoint, tls: Tls) -> AsyncConnection:
    if endpoint.is_grpc:
        from serving.grpc_transport import AsyncGrpcConnection

        return AsyncGrpcConnection(endpoint, tls)
    from serving.rest_transport import AsyncRestConnection

    return AsyncRestConnection(endpoint, tls)


if __name__ == "__main__":
    from serving.client_command import run

    run()
