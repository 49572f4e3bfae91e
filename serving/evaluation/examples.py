"""What a model is asked: texts with their label, and questions with their annotated answers."""

import dataclasses
from collections.abc import Iterator

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.records import Rejected
from preprocessing.reviews import reason_to_reject
from preprocessing.sources import readers
from preprocessing.sources.labelled_text import Columns, Review
from preprocessing.sources.squad_json import Paragraph
from trainer.fine_tuning import TWO_LABELS

_TABLES = (".csv", ".tsv")


@dataclasses.dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with the right label's number."""

    id: str
    text: str
    label: int

    @property
    def size(self) -> int:
        """Characters that the model reads."""
        return len(self.text)

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same example in another evaluation."""
        return self.id, self.text, str(self.label)


@dataclasses.dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question about a context, with the annotated answers; none where there is none."""

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    is_impossible: bool

    @property
    def size(self) -> int:
        """Characters that the model reads."""
        return len(self.context) + len(self.question)

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same example in another evaluation."""
        return self.id, self.question, self.context, *self.answers


Example = LabelledText | AskedQuestion


# The labels of aclImdb in its folders and as an export serves them: one order, two sets of names.
_REVIEW_LABELS = (readers.imdb.LABELS, TWO_LABELS)


def labels_in(source: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """A model's labels as they are called in a source of labelled texts.

    Raises:
        InputError: the source has others, or is of no known kind.
    """
    if not readers.is_imdb(source):
        return labels
    if labels not in _REVIEW_LABELS:
        raise InputError(
            f"--input {source}: aclImdb's labels are {', '.join(readers.imdb.LABELS)}, but the "
            f"model's are {', '.join(labels)[:80]}. Give a file of rows with the model's labels."
        )
    return readers.imdb.LABELS


def read_texts(
    source: str, split: str, labels: tuple[str, ...], columns: Columns
) -> Iterator[LabelledText | Rejected]:
    """The labelled texts of a source: aclImdb's of one split, or all rows of a file.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    columns = with_labels(columns, labels)
    for found in readers.labelled_texts(source, split, columns):
        if found.split == split:
            yield found if isinstance(found, Rejected) else _text(found)


def with_labels(columns: Columns, labels: tuple[str, ...]) -> Columns:
    """Columns for rows with a model's labels; those of reviews may go by either set of names."""
    others: dict[str, str] = {}
    if labels in _REVIEW_LABELS:
        for names in _REVIEW_LABELS:
            others |= dict(zip(names, labels, strict=True))
    return dataclasses.replace(columns, labels=labels, other_names=others)


def _text(review: Review) -> LabelledText | Rejected:
    reason = reason_to_reject(review.content)
    if reason:
        return Rejected(review.split, review.source, review.id, reason)
    return LabelledText(review.id, review.content.decode(), review.label)


def read_questions(source: str) -> Iterator[AskedQuestion | Rejected]:
    """The questions of a SQuAD file (.json), or of JSON lines (.jsonl).

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    if holds_texts(source):
        raise InputError(
            f"--input {source}: labelled texts, but the model answers questions: expected a SQuAD "
            "file .json, or questions in JSON lines .jsonl."
        )
    for found in readers.paragraphs(source, ""):
        if isinstance(found, Paragraph):
            yield from _questions(found)
        else:
            yield found


def holds_texts(source: str) -> bool:
    """Whether a source can only be labelled texts, by its name."""
    if files.extension_of(source) in _TABLES:
        return True
    try:
        return readers.is_imdb(source)
    except InputError:  # of no known kind: the reader of questions says which it knows
        return False


def _questions(paragraph: Paragraph) -> Iterator[AskedQuestion]:
    context = _without_surrogates(paragraph.context)
    for question in paragraph.questions:
        answers = tuple(_without_surrogates(text) for text, _ in question.answers)
        text = _without_surrogates(question.question)
        yield AskedQuestion(question.id, text, context, answers, question.is_impossible)


def _without_surrogates(text: str) -> str:
    """Lone surrogates, which JSON can hold, become one "?" each, as in preprocessing."""
    return text.encode("utf-8", "replace").decode()
