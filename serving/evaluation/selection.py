"""Which examples of a source are asked: all of them, or the same few each time."""

import collections
import dataclasses
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

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
        good: how many could be; a limit may leave out some of them.
        rejected: reason -> how many cannot be.
        first: only so many of the good ones are looked at; None for all.
        keep: whether one of these is asked.
        is_v2: whether they are scored as SQuAD v2.0: one of them is marked as impossible.
    """

    read: Read
    total: int
    good: int
    rejected: dict[str, int]
    first: int | None = None
    keep: Callable[[Example], bool] = lambda example: True
    is_v2: bool = False

    def __iter__(self) -> Iterator[Example]:
        good = (example for example in self.read() if not isinstance(example, Rejected))
        return filter(self.keep, itertools.islice(good, self.first))


def select(
    read: Read,
    source: str,
    limit: int | None,
    max_rejected_fraction: float = 1.0,
    hint: Callable[[Mapping[str, int]], str] = lambda rejected: "",
) -> Selection:
    """Counts the examples of a source, and chooses under a limit.

    Args:
        read: opens the source.
        source: its name.
        limit: so many at most.
        max_rejected_fraction: share of what was read that may be left out.
        hint: reason -> count to a sentence that helps, or "".

    Of questions the first are taken. Texts often stand in the order of their labels: of them those
    with the lowest hash of the id are taken, the same in every run.

    Raises:
        InputError: there is no good example, an id stands there twice, or too much is rejected.
    """
    rejected: collections.Counter[str] = collections.Counter()
    good = _good(read(), rejected, source)
    first = next(good, None)
    if first is None:
        raise _nothing(source, rejected, hint)
    examples = itertools.chain([first], good)
    if isinstance(first, AskedQuestion):
        selection = _questions(read, itertools.islice(examples, limit), rejected, limit)
    else:
        selection = _texts(read, examples, rejected, limit)
    if not selection.total:
        raise _nothing(source, rejected, hint)
    _check_rejected(selection, source, max_rejected_fraction, hint)
    return selection


def _texts(
    read: Read, examples: Iterable[Example], rejected: dict[str, int], limit: int | None
) -> Selection:
    if limit is None:
        total = sum(1 for _ in examples)
        return Selection(read, total, total, rejected)
    good = itertools.count()  # drawn once for each example
    hashes = (_hash(example) for example, _ in zip(examples, good, strict=False))
    lowest = heapq.nsmallest(limit, hashes)
    return Selection(
        read,
        len(lowest),
        next(good),
        rejected,
        keep=lambda example: _hash(example) <= lowest[-1],
    )


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
        return Selection(read, total, total, rejected, first=limit, is_v2=True)
    # SQuAD v1.1 has no figure for a question that nobody has answered.
    if without_answer:
        rejected["no_answer_given"] += without_answer
    answered = total - without_answer
    return Selection(read, answered, answered, rejected, first=limit, keep=_has_answer)


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


def _check_rejected(
    selection: Selection, source: str, most: float, hint: Callable[[Mapping[str, int]], str]
) -> None:
    rejected = sum(selection.rejected.values())
    share = rejected / (selection.good + rejected)
    if share > most:
        raise InputError(
            f"--input {source}: {share:.1%} of {selection.good + rejected:,} cannot be asked "
            f"({reasons_of(selection.rejected)}), expected at most --max_rejected_fraction "
            f"{most:g}.{hint(selection.rejected)} Mend them, or allow more."
        )


def reasons_of(rejected: Mapping[str, int]) -> str:
    """For people."""
    return ", ".join(f"{count:,} {reason}" for reason, count in rejected.items()) or "none"


def _nothing(
    source: str, rejected: Mapping[str, int], hint: Callable[[Mapping[str, int]], str]
) -> InputError:
    return InputError(
        f"--input {source}: nothing in it to evaluate on (rejected: {reasons_of(rejected)})."
        f"{hint(rejected)} Is it data for this kind of model, with its split, labels and columns?"
    )


def _hash(example: Example) -> bytes:
    return place_of(example.id).order
