"""Which examples of a source are asked: all of them, or the same few each time."""

import collections
import dataclasses
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator

from preprocessing.errors import InputError
from preprocessing.records import Rejected, place_of
from serving.evaluation.examples import AskedQuestion, Example

# Opens the source anew: it is read twice, as it may be larger than memory.
Read = Callable[[], Iterable[Example | Rejected]]


@dataclasses.dataclass
class Selection:
    """The examples to ask, streamed from the source, and what was found in it.

    Attributes:
        read: gives the source's examples.
        total: how many are asked.
        rejected: reason -> how many cannot be.
        first: only so many of the good ones are looked at; None for all.
        keep: whether one of these is asked.
        is_v2: whether they are scored as SQuAD v2.0: one of them is marked as impossible.
    """

    read: Read
    total: int
    rejected: dict[str, int]
    first: int | None = None
    keep: Callable[[Example], bool] = lambda example: True
    is_v2: bool = False

    def __iter__(self) -> Iterator[Example]:
        good = (example for example in self.read() if not isinstance(example, Rejected))
        return filter(self.keep, itertools.islice(good, self.first))


def select(read: Read, source: str, limit: int | None) -> Selection:
    """Counts the examples of a source, and chooses under a limit.

    Of questions the first are taken. Texts often stand in the order of their labels: of them those
    with the lowest hash of the id are taken, the same in every run.

    Raises:
        InputError: there is no good example, or an id stands there twice.
    """
    rejected: collections.Counter[str] = collections.Counter()
    good = _good(read(), rejected, source)
    first = next(good, None)
    if first is None:
        raise _nothing(source, rejected)
    examples = itertools.chain([first], good)
    if isinstance(first, AskedQuestion):
        selection = _questions(read, itertools.islice(examples, limit), rejected, limit)
    elif limit is None:
        selection = Selection(read, sum(1 for _ in examples), rejected)
    else:
        lowest = heapq.nsmallest(limit, map(_hash, examples))
        selection = Selection(
            read, len(lowest), rejected, keep=lambda example: _hash(example) <= lowest[-1]
        )
    if not selection.total:
        raise _nothing(source, rejected)
    return selection


def _questions(
    read: Read, examples: Iterable[Example], rejected: collections.Counter[str], limit: int | None
) -> Selection:
    total, without_answer, is_v2 = 0, 0, False
    for example in examples:
        assert isinstance(example, AskedQuestion)
        total += 1
        without_answer += not example.answers
        is_v2 |= example.is_impossible
    if is_v2:
        return Selection(read, total, rejected, first=limit, is_v2=True)
    # SQuAD v1.1 has no figure for a question that nobody has answered.
    if without_answer:
        rejected["no_answer_given"] += without_answer
    return Selection(read, total - without_answer, rejected, first=limit, keep=_has_answer)


def _has_answer(example: Example) -> bool:
    return isinstance(example, AskedQuestion) and bool(example.answers)


def _good(
    examples: Iterable[Example | Rejected], rejected: collections.Counter[str], source: str
) -> Iterator[Example]:
    seen: set[int] = set()  # hashes: all that is held of an id
    for example in examples:
        if isinstance(example, Rejected):
            rejected[example.reason] += 1
        elif hash(example.id) in seen:
            raise InputError(
                f"--input {source}: the id {example.id[:80]!r} stands there twice, expected ids "
                "that differ: the predictions are written by id."
            )
        else:
            seen.add(hash(example.id))
            yield example


def _nothing(source: str, rejected: collections.Counter[str]) -> InputError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items()) or "none"
    return InputError(
        f"--input {source}: nothing in it to evaluate on (rejected: {reasons}). Is it data for "
        "this kind of model, with its split, labels and columns?"
    )


def _hash(example: Example) -> bytes:
    return place_of(example.id).order
