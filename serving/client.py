"""A client of a model server: texts in, typed answers out, over gRPC or REST.

    with Client("grpc://localhost:8500") as client:
        client.classify(["A wonderful film."])              # [Classification(probability=0.98, …)]
        client.answer("Who wrote it?", "It was written by Ada.").text   # "Ada"

`serving.async_client` has the same for asyncio. Nothing here imports TensorFlow.
`python -m serving.client --help` is the command line.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Unpack

import tenacity

from serving.calls import N_BEST, QA, SENTIMENT, Call, Options
from serving.client_settings import DEFAULT_ENDPOINT, ClientSettings
from serving.in_order import in_order
from serving.results import Answer, Classification, Metadata, VersionStatus
from serving.retries import NO_RETRIES, Retries
from serving.transport import Connection, Endpoint, Flow, Tls, drive

__all__ = [
    "DEFAULT_ENDPOINT", "NO_RETRIES", "QA", "SENTIMENT", "Client", "Options", "Retries", "Tls",
]  # fmt: skip

T = TypeVar("T")


class Client(ClientSettings):
    """Asks one server; threads may share a client, processes may not.

    The connection is kept until `close`, or the end of a `with` block. All methods raise a
    `ServingError`, see `serving.errors` for the kinds, and take the `Options` by name.
    """

    def _open(self) -> None:
        self._connection = _connect(self._endpoint, self._tls)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Iterable[str]],
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

    def classify(self, texts: Iterable[str], **options: Unpack[Options]) -> list[Classification]:
        """What the model "sentiment" says of each text: the probability to be positive or, of
        more than two labels, the likeliest with the probabilities of all."""
        return self._run(self._calls.classify(texts, options))

    def answer(self, question: str, context: str, **options: Unpack[Options]) -> Answer:
        """The answer to a question from a context, from the model "qa"."""
        return self.answers([question], [context], **options)[0]

    def answers(
        self, questions: Iterable[str], contexts: Iterable[str], **options: Unpack[Options]
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
        questions: Iterable[str],
        contexts: Iterable[str],
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
        """Ends the connection. Calls after it raise ClientClosed, and may do so under way."""
        self._closed = True
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        deadline = self._deadline(call)

        def send(request: Any) -> Any:
            retrying = tenacity.Retrying(**self._retries.within(deadline))
            with self._told_when_closed():
                return retrying(self._connection.send, request, deadline)

        def run(flow: Flow) -> Any:
            return drive(flow, send)

        if len(call.flows) == 1:  # no thread for it
            return call.join([run(call.flows[0])])
        return call.join(list(in_order(run, call.flows, self._concurrency)))


def _connect(endpoint: Endpoint, tls: Tls) -> Connection:
    if endpoint.is_grpc:
        from serving.grpc_transport import GrpcConnection

        return GrpcConnection(endpoint, tls)
    from serving.rest_transport import RestConnection

    return RestConnection(endpoint, tls)


if __name__ == "__main__":
    from serving.client_command import run

    run()
