"""A client of a model server: texts in, typed answers out, over gRPC or REST.

    with Client("grpc://localhost:8500") as client:
        client.classify(["A wonderful film."])              # [0.98]
        client.answer("Who wrote it?", "It was written by Ada.").text   # "Ada"

Nothing here imports TensorFlow. `python -m serving.client --help` is the command line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.errors import InvalidRequest, InvalidResponse
from serving.results import Answer, Metadata, VersionStatus
from serving.transport import ModelRef, Transport, parse_endpoint

DEFAULT_ENDPOINT = "grpc://localhost:8500"
SENTIMENT, QA = "sentiment", "qa"  # the models' names
_ANSWER_OUTPUTS = ("answer", "start", "end", "probability", "null_odds")


class Client:
    """Asks one server; threads may share a client.

    The transport, and so the connection, is kept until `close`, or the end of a `with` block.
    """

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, timeout_s: float = 30.0):
        """Args:
            endpoint: grpc://HOST[:PORT], http://HOST[:PORT] or https://HOST[:PORT]; the ports
                are 8500, 8501 and 443 unless told otherwise. Connects at the first call.
            timeout_s: deadline of each call.

        Raises:
            InvalidEndpoint: it is no such address.
            InvalidRequest: the deadline is not a positive number of seconds.
        """
        if not 0 < timeout_s < float("inf"):
            raise InvalidRequest(f"timeout_s is {timeout_s}; expected a positive number of seconds")
        self._transport = _transport(endpoint)
        self._timeout_s = timeout_s

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Sequence[str]],
        signature_name: str | None = None,
        version: int | None = None,
    ) -> dict[str, list]:
        """Runs a signature that takes strings.

        Args:
            model: its name on the server.
            inputs: for each input alias, one string per row.
            signature_name: "serving_default" unless told otherwise.
            version: the highest that serves unless told otherwise.

        Returns:
            For each output alias, nested lists of str, float, int, bool, or bytes (aliases that
            end in `_bytes`). Both transports return the same; a float32 is its shortest decimal.

        Raises:
            ServingError: see `serving.errors` for the kinds.
        """
        for alias, texts in inputs.items():
            _check_texts(model, alias, texts)
        ref = ModelRef(model, version)
        return self._transport.predict(ref, inputs, signature_name or "", self._timeout_s)

    def classify(self, texts: Sequence[str]) -> list[float]:
        """The probability of each text to be positive, from the model "sentiment".

        Raises:
            InvalidResponse: the model tells more than two labels apart; `predict` gives its
                "label" and "probabilities".
        """
        outputs = self.predict(SENTIMENT, {"text": texts})
        if "probabilities" in outputs:
            raise InvalidResponse(
                f"{SENTIMENT}: the model tells more than two labels apart, so there is no "
                "probability of one. Ask predict() for its outputs 'label' and 'probabilities'."
            )
        return _output(SENTIMENT, outputs, "probability", len(texts))

    def answer(self, question: str, context: str) -> Answer:
        """The answer to a question from a context, from the model "qa"."""
        return self.answers([question], [context])[0]

    def answers(self, questions: Sequence[str], contexts: Sequence[str]) -> list[Answer]:
        """The answers to several questions, each from the context at the same place."""
        if len(questions) != len(contexts):
            raise InvalidRequest(
                f"answers: {len(questions)} questions but {len(contexts)} contexts; expected one "
                "context for each question"
            )
        outputs = self.predict(QA, {"question": questions, "context": contexts})
        columns = [_output(QA, outputs, alias, len(questions)) for alias in _ANSWER_OUTPUTS]
        return [Answer(*row) for row in zip(*columns, strict=True)]

    def status(self, model: str, version: int | None = None) -> list[VersionStatus]:
        """The versions of a model that the server knows, highest first."""
        return self._transport.status(ModelRef(model, version), self._timeout_s)

    def metadata(self, model: str, version: int | None = None) -> Metadata:
        """The signatures of the version that serves."""
        return self._transport.metadata(ModelRef(model, version), self._timeout_s)

    def close(self) -> None:
        """Ends the connection; the client cannot be used after it."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _transport(endpoint: str) -> Transport:
    parts = parse_endpoint(endpoint)
    # Imported here, so that a client loads only the one library it uses.
    if parts.scheme == "grpc":
        from serving.grpc_transport import GrpcTransport

        return GrpcTransport(parts)
    from serving.rest_transport import RestTransport

    return RestTransport(parts)


def _check_texts(model: str, alias: str, texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise InvalidRequest(f"{model}: input {alias!r} is one string; expected a list of strings")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidRequest(f"{model}: input {alias!r}[{row}] is {text!r}; expected a string")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                f"{model}: input {alias!r}[{row}] cannot be written as UTF-8 ({error.reason} at "
                f"character {error.start})"
            ) from None


def _output(model: str, outputs: Mapping[str, Any], alias: str, rows: int) -> list:
    values = outputs.get(alias)
    if not isinstance(values, list) or len(values) != rows:
        raise InvalidResponse(
            f"{model}: expected the output {alias!r} with {rows} values; the model gave "
            f"{sorted(outputs)}. Is it an export of `python -m serving.export`?"
        )
    return values


if __name__ == "__main__":
    from serving.client_command import run

    run()
