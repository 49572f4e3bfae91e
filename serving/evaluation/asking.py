"""Puts the examples of a source to a model, block by block, and adds what it says to the scores."""

import concurrent.futures
import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from preprocessing.progress import progress
from serving.evaluation.batching import batches, blocks
from serving.evaluation.examples import AskedQuestion, Example, LabelledText
from serving.evaluation.model import EvaluatedModel
from serving.evaluation.selection import Selection


class Scores(Protocol):
    """Takes examples in the order of the source."""

    def add(self, example: Any, answer: Any) -> None:
        """Adds an example with what the model said."""


def ask_all(model: EvaluatedModel, selection: Selection, batch_size: int, scores: Scores) -> str:
    """Asks every example, several batches at a time where the model takes them.

    Returns:
        The SHA-256 of the examples in their order: of two evaluations on the same input the same.
    """
    digest, done = hashlib.sha256(), 0
    with progress("evaluate", selection.total) as update, _pool(model.requests) as pool:
        for block in blocks(selection):
            cuts = batches([example.size for example in block], batch_size)
            found: list[Any] = [None] * len(block)
            asked = pool(lambda cut, block=block: _ask(model, [block[i] for i in cut]), cuts)
            for cut, answers in zip(cuts, asked, strict=True):
                for place, answer in zip(cut, answers, strict=True):
                    found[place] = answer
                done += len(cut)
                update(done)
            for example, answer in zip(block, found, strict=True):
                digest.update(json.dumps(example.identity).encode() + b"\n")
                scores.add(example, answer)
    return digest.hexdigest()


def _ask(model: EvaluatedModel, batch: Sequence[Example]) -> Iterable[Any]:
    texts = [example.text for example in batch if isinstance(example, LabelledText)]
    if texts:
        return model.probabilities(texts)
    asked = [example for example in batch if isinstance(example, AskedQuestion)]
    questions = [example.question for example in asked]
    return model.answers(questions, [example.context for example in asked])


@contextlib.contextmanager
def _pool(requests: int) -> Iterator[Callable]:
    """A `map` that has so many calls under way; after a failure the others are not begun."""
    if requests == 1:
        yield map
        return
    pool = concurrent.futures.ThreadPoolExecutor(requests)
    try:
        yield pool.map
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
