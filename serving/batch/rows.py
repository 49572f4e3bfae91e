"""What a model is asked, row by row: read from the sources that preprocessing reads."""

import dataclasses
from collections.abc import Iterator, Sequence

from preprocessing.records import Rejected
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns, Review
from preprocessing.sources.squad_json import Paragraph

_PART = ""  # rows are not cut into splits


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One text, or one question with its context, in UTF-8."""

    id: str
    source: str  # the file it stands in, and where
    texts: tuple[bytes, ...]  # (text,) or (question, context)

    @property
    def size(self) -> int:
        """Bytes of text."""
        return sum(map(len, self.texts))


def read_texts(path: str, split: str, columns: Columns) -> Iterator[Row | Rejected]:
    """The texts of one source: see `readers.labelled_texts`; labels are not looked at.

    An empty text is a row, as it is to a server; one that is not UTF-8 is rejected.

    Raises:
        InputError: the source cannot be read, or is of no known kind.
    """
    for element in readers.labelled_texts(path, split, columns):
        if isinstance(element, Review):
            yield _checked(element)
        else:
            yield element


def _checked(review: Review) -> Row | Rejected:
    try:
        review.content.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected(_PART, review.source, review.id, "invalid_utf8")
    return Row(review.id, review.source, (review.content,))


def read_questions(path: str, split: str) -> Iterator[Row | Rejected]:
    """The questions of one source: see `readers.paragraphs`; they need no answers.

    Raises:
        InputError: the source cannot be read, or is of no known kind.
    """
    for element in readers.paragraphs(path, split, need_answers=False):
        if isinstance(element, Paragraph):
            yield from _questions(element)
        else:
            yield element


def _questions(paragraph: Paragraph) -> Iterator[Row | Rejected]:
    context = _encoded(paragraph.context)
    for entry in paragraph.questions:
        question = _encoded(entry.question)
        if context is None or question is None:
            yield Rejected(_PART, paragraph.source, entry.id, "invalid_utf8")
        else:
            yield Row(entry.id, paragraph.source, (question, context))


def _encoded(text: str) -> bytes | None:
    """None for half a surrogate pair, which JSON can hold: no server could be asked that."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def cut_batches(rows: Sequence[Row], max_rows: int, max_bytes: int) -> Iterator[list[int]]:
    """Indices of rows in batches of like length, so that little is padded.

    Args:
        rows: sorted by their last text, the one that may be long; equal ones come together.
        max_rows: of a batch.
        max_bytes: of a batch whose rows were all as long as its longest; a single row may be more.
    """
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i].texts[-1]), rows[i].texts[-1]))
    batch: list[int] = []
    for i in order:
        # The row is the longest so far.
        if batch and (len(batch) == max_rows or (len(batch) + 1) * rows[i].size > max_bytes):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
