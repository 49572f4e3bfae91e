"""A stream in blocks, and a block in batches of like length, so that little is padded."""

import random
from collections.abc import Iterable, Iterator, Sequence

from serving.evaluation.examples import Example

BLOCK_SIZE = 4 << 20  # characters that are held at a time: some 3,000 reviews, 5,000 questions
MAX_BATCH_SIZE = 1 << 18  # characters in one request, unless one text alone has more


def blocks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Cuts a stream into lists of about `BLOCK_SIZE` characters."""
    held: list[Example] = []
    size = 0
    for example in examples:
        held.append(example)
        size += example.size
        if size >= BLOCK_SIZE:
            yield held
            held, size = [], 0
    if held:
        yield held


def batches(sizes: Sequence[int], batch_size: int) -> list[list[int]]:
    """Places in a block, at most `batch_size` together and of like length.

    The batches come in a shuffled order: taken by length, the time left would be far off.
    """
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    cuts: list[list[int]] = []
    held = 0
    for place in order:
        held += sizes[place]
        if not cuts or len(cuts[-1]) == batch_size or held > MAX_BATCH_SIZE:
            cuts.append([])
            held = sizes[place]
        cuts[-1].append(place)
    random.Random(0).shuffle(cuts)
    return cuts
