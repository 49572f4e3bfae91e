"""What to ask: texts or questions from a file, or generated ones."""

import itertools
import random
from collections.abc import Iterator, Sequence

from preprocessing.errors import InputError
from serving.batch.rows import Row
from serving.client_files import read_rows
from serving.load_test.sender import Inputs

_TEXT = (
    "the a film story actor scene plot ending music camera director was is seems felt looks never "
    "always very quite rather truly slow bright dull moving clever long funny sad and but though "
    "because from first last one with in of"
)
_WORDS = _TEXT.split()
_LONGEST = 400  # words; the median is a fifth of it, as of reviews
_GENERATED = 256
_FROM_FILE = 10_000


def generated(is_qa: bool, seed: int) -> list[tuple[str, ...]]:
    """Texts, or questions with contexts, of many lengths; the same for a seed."""
    rng = random.Random(seed)

    def words(count: int) -> str:
        return " ".join(rng.choices(_WORDS, k=count))

    def text() -> str:
        return words(max(5, min(_LONGEST, int(rng.lognormvariate(4.4, 0.7)))))

    if is_qa:
        return [(f"{words(8)}?", text()) for _ in range(_GENERATED)]
    return [(text(),) for _ in range(_GENERATED)]


def from_file(path: str, is_qa: bool, text_column: str) -> list[tuple[str, ...]]:
    """The first texts, or questions with contexts, of a file.

    Raises:
        InputError: it cannot be read, or has none.
    """
    elements = read_rows(path, is_qa, text_column)
    rows = itertools.islice((one for one in elements if isinstance(one, Row)), _FROM_FILE)
    found = [tuple(text.decode() for text in row.texts) for row in rows]
    if not found:
        raise InputError(f"{path}: has no row that can be read, expected texts.")
    return found


def requests(texts: Sequence[tuple[str, ...]], names: Sequence[str], rows: int) -> list[Inputs]:
    """The inputs of requests, by alias; all texts are in it, and of all as many."""

    def cut() -> Iterator[Inputs]:
        cycled = itertools.cycle(texts)
        for _ in range(-(-len(texts) // rows)):
            batch = list(itertools.islice(cycled, rows))
            columns = map(list, zip(*batch, strict=True))
            yield dict(zip(names, columns, strict=True))

    return list(cut())
