"""The client for asyncio: the methods of `serving.client.Client`, to be awaited.

    async with AsyncClient("http://localhost:8501") as client:
        await client.classify(texts)

Nothing here imports TensorFlow.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Unpack

import tenacity

from serving.calls import N_BEST, Call, Options
from serving.client_settings import ClientSettings
from serving.results import Answer, Classification, Metadata, VersionStatus
from serving.transport import AsyncConnection, Endpoint, Flow, Tls, drive_async

T = TypeVar("T")


class AsyncClient(ClientSettings):
    """Asks one server from an event loop; the methods are those of `Client`, to be awaited.

    It belongs to the loop that its first call runs in.
    """

    def _open(self) -> None:
        self._connection: AsyncConnection | None = None  # until there is a loop

    async def predict(
        self,
        model: str,
        inputs: Mapping[str, Iterable[str]],
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
        self, texts: Iterable[str], **options: Unpack[Options]
    ) -> list[Classification]:
        """See `Client.classify`."""
        return await self._run(self._calls.classify(texts, options))

    async def answer(self, question: str, context: str, **options: Unpack[Options]) -> Answer:
        """See `Client.answer`."""
        return (await self.answers([question], [context], **options))[0]

    async def answers(
        self, questions: Iterable[str], contexts: Iterable[str], **options: Unpack[Options]
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
        questions: Iterable[str],
        contexts: Iterable[str],
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
        """See `Client.close`."""
        self._closed = True
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
            with self._told_when_closed():
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


def _connect_async(endpoint: Endpoint, tls: Tls) -> AsyncConnection:
    if endpoint.is_grpc:
        from serving.grpc_transport import AsyncGrpcConnection

        return AsyncGrpcConnection(endpoint, tls)
    from serving.rest_transport import AsyncRestConnection

    return AsyncRestConnection(endpoint, tls)
