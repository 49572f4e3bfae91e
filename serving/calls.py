"""What a client's methods ask, and how typed results are made of the answers.

Nothing here does input or output: `Client` and `AsyncClient` run the flows of a call.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypedDict, TypeVar

from serving.errors import InvalidRequest, InvalidResponse
from serving.results import Answer, Classification, Metadata, VersionStatus
from serving.transport import Flow, Messages, ModelRef

SENTIMENT, QA = "sentiment", "qa"  # the models' names
N_BEST = 20  # answers that the signature "nbest" gives
_SPAN_OUTPUTS = ("answer", "start", "end", "probability")

T = TypeVar("T")
Outputs = dict[str, list[Any]]


class Options(TypedDict, total=False):
    """What may be said of a call.

    Attributes:
        model: its name on the server, where it is not "sentiment" or "qa".
        version: the highest that serves unless told otherwise.
        label: of a version, as "stable"; not together with a version.
        timeout_s: deadline of this call, in place of the client's.
    """

    model: str
    version: int | None
    label: str | None
    timeout_s: float | None


@dataclasses.dataclass(frozen=True)
class Call(Generic[T]):
    """A call of a client: flows to run, in any order, and what their results make together."""

    flows: Sequence[Flow[Any]]
    join: Callable[[list[Any]], T]
    timeout_s: float | None = None


class Calls:
    """Makes the calls of both clients.

    Args:
        messages: of the protocol.
        batch_size: rows of one request; None: all.
    """

    def __init__(self, messages: Messages, batch_size: int | None):
        if batch_size is not None and batch_size < 1:
            raise InvalidRequest(f"batch_size is {batch_size}; expected 1 or more, or None")
        self._messages, self._batch_size = messages, batch_size

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Iterable[str]],
        signature_name: str | None,
        options: Options,
        read: Callable[[Outputs], T],
    ) -> Call[T]:
        """A signature that takes strings; `read` makes the result of its outputs."""
        lists = {alias: _listed(model, alias, texts) for alias, texts in inputs.items()}
        for alias, texts in lists.items():
            _check_texts(model, alias, texts)
        ref = _ref(model, options)
        batches = list(self._cut(lists))
        return Call(
            [self._messages.predict(ref, batch, signature_name or "") for batch in batches],
            lambda results: read(_joined(model, results)),
            options.get("timeout_s"),
        )

    def classify(self, texts: Iterable[str], options: Options) -> Call[list[Classification]]:
        """See `Client.classify`."""
        model = options.get("model", SENTIMENT)
        listed = _listed(model, "text", texts)

        def read(outputs: Outputs) -> list[Classification]:
            return _classifications(model, outputs, len(listed))

        return self.predict(model, {"text": listed}, None, options, read)

    def answers(
        self, questions: Iterable[str], contexts: Iterable[str], options: Options
    ) -> Call[list[Answer]]:
        """See `Client.answers`."""
        model = options.get("model", QA)
        pairs = _pairs(model, questions, contexts)
        rows = len(pairs["question"])

        def read(outputs: Outputs) -> list[Answer]:
            aliases = (*_SPAN_OUTPUTS, "null_odds")
            columns = [_output(model, outputs, alias, rows) for alias in aliases]
            return [Answer(*row) for row in zip(*columns, strict=True)]

        return self.predict(model, pairs, None, options, read)

    def nbests(
        self, questions: Iterable[str], contexts: Iterable[str], count: int, options: Options
    ) -> Call[list[list[Answer]]]:
        """See `Client.nbests`."""
        check_n_best(count)
        model = options.get("model", QA)
        pairs = _pairs(model, questions, contexts)
        rows = len(pairs["question"])

        def read(outputs: Outputs) -> list[list[Answer]]:
            lists = [_output(model, outputs, alias, rows) for alias in _SPAN_OUTPUTS]
            odds = _output(model, outputs, "null_odds", rows)
            return [
                list(_filled(zip(*row, itertools.repeat(one)), count))
                for *row, one in zip(*lists, odds, strict=True)
            ]

        return self.predict(model, pairs, "nbest", options, read)

    def status(self, model: str, options: Options) -> Call[list[VersionStatus]]:
        """See `Client.status`."""
        flow = self._messages.status(_ref(model, options))
        return Call([flow], _only, options.get("timeout_s"))

    def metadata(self, model: str, options: Options) -> Call[Metadata]:
        """See `Client.metadata`."""
        flow = self._messages.metadata(_ref(model, options))
        return Call([flow], _only, options.get("timeout_s"))

    def _cut(self, inputs: Mapping[str, Sequence[str]]) -> Iterator[Mapping[str, Sequence[str]]]:
        sizes = {len(texts) for texts in inputs.values()}
        size, rows = self._batch_size, max(sizes, default=0)
        if size is None or rows <= size or len(sizes) > 1:  # inputs of two sizes: the server's say
            yield inputs
            return
        for start in range(0, rows, size):
            yield {alias: texts[start : start + size] for alias, texts in inputs.items()}


def _only(results: list[T]) -> T:
    (result,) = results
    return result


def _ref(model: str, options: Options) -> ModelRef:
    version, label = options.get("version"), options.get("label")
    if version is not None and label is not None:
        raise InvalidRequest(f"{model}: version {version} and label {label!r}; expected one")
    return ModelRef(model, version, label)


def _pairs(model: str, questions: Iterable[str], contexts: Iterable[str]) -> dict[str, list[str]]:
    asked, read = _listed(model, "question", questions), _listed(model, "context", contexts)
    if len(asked) != len(read):
        raise InvalidRequest(
            f"answers: {len(asked)} questions but {len(read)} contexts; expected one "
            "context for each question"
        )
    return {"question": asked, "context": read}


def _listed(model: str, alias: str, texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise InvalidRequest(f"{model}: input {alias!r} is one string; expected a list of strings")
    if not isinstance(texts, Iterable):
        raise InvalidRequest(f"{model}: input {alias!r} is {texts!r}; expected a list of strings")
    return list(texts)


def _check_texts(model: str, alias: str, texts: Sequence[str]) -> None:
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


def _joined(model: str, results: list[Outputs]) -> Outputs:
    """The outputs of all batches, one batch's rows after another's."""
    if len(results) == 1:
        return results[0]
    joined: Outputs = {alias: [] for alias in results[0]}
    for outputs in results:
        if outputs.keys() != joined.keys() or not all(
            isinstance(values, list) for values in outputs.values()
        ):
            raise InvalidResponse(
                f"{model}: the outputs of several batches cannot be joined, as they are not lists "
                "of the same names. Ask with batch_size=None."
            )
        for alias, values in outputs.items():
            joined[alias] += values
    return joined


def _classifications(model: str, outputs: Outputs, rows: int) -> list[Classification]:
    if "probabilities" not in outputs:
        return list(map(Classification, _output(model, outputs, "probability", rows)))
    labels = _output(model, outputs, "label", rows)
    probabilities = _output(model, outputs, "probabilities", rows)
    return [
        Classification(max(row), label, tuple(row))
        for label, row in zip(labels, probabilities, strict=True)
    ]


def check_n_best(count: int) -> None:
    """Raises InvalidRequest for more or fewer answers than the signature "nbest" gives."""
    if not 1 <= count <= N_BEST:
        raise InvalidRequest(f"nbest: count is {count}; expected 1 to {N_BEST}")


def _filled(entries: Iterator[tuple[Any, ...]], count: int) -> Iterator[Answer]:
    """The first entries of an n-best list; places that are not filled have probability 0."""
    for entry in itertools.islice(entries, count):
        answer = Answer(*entry)
        if answer.probability > 0:
            yield answer


def _output(model: str, outputs: Mapping[str, Any], alias: str, rows: int) -> list:
    values = outputs.get(alias)
    if not isinstance(values, list) or len(values) != rows:
        raise InvalidResponse(
            f"{model}: expected the output {alias!r} with {rows} values; the model gave "
            f"{sorted(outputs)}. Is it an export of `python -m serving.export`?"
        )
    return values
