"""Which reader a source needs: by its name, and by what it is."""

import collections
from collections.abc import Iterator, Mapping, Sequence

from preprocessing import files
from preprocessing.errors import InputError
from preprocessing.records import Rejected
from preprocessing.sources import imdb
from preprocessing.sources.labelled_text import (
    Columns,
    Review,
    discover_labels,
    read_labelled_texts,
)
from preprocessing.sources.squad_json import Paragraph, read_paragraphs
from preprocessing.sources.squad_lines import read_question_lines

_ARCHIVES = (".tar", ".tgz", ".tbz2", ".txz", ".zip")
_TABLES = (".csv", ".tsv", ".jsonl", ".json")
_TEXTS = (
    "aclImdb as a folder or as .tar, .tar.gz, .tar.bz2, .tar.xz or .zip; or labelled texts as "
    ".csv, .tsv, .jsonl or .json, which may end in .gz, .bz2 or .xz too"
)


def labelled_texts(path: str, split: str, columns: Columns) -> Iterator[Review | Rejected]:
    """The labelled texts of one source, one after the other.

    Args:
        path: aclImdb as a folder or an archive, or a .csv, .tsv, .jsonl or .json (JSON lines)
            file, which may be compressed; on any file system.
        split: given to all texts of a file; aclImdb has its own splits.
        columns: of a file.

    Raises:
        InputError: the source cannot be read, or is of no known kind.
    """
    if is_imdb(path):
        _check_labels(path, columns)
        yield from imdb.read_reviews(path)
    else:
        yield from read_labelled_texts(path, split, columns)


def paragraphs(path: str, split: str, need_answers: bool = True) -> Iterator[Paragraph | Rejected]:
    """The paragraphs of one source: a SQuAD .json file, or questions in a .jsonl file.

    Args:
        path: may be compressed; on any file system.
        split: given to all of them.
        need_answers: False where lines need not say anything of their answers.

    Raises:
        InputError: the source cannot be read, or is of no known kind.
    """
    extension = files.extension_of(path)
    if extension == ".json":
        yield from read_paragraphs(path, split)
    elif extension == ".jsonl":
        yield from read_question_lines(path, split, need_answers)
    else:
        expected = "a SQuAD file .json, or questions in JSON lines .jsonl"
        raise InputError(_unknown(path, expected))


def labels_of(paths: Sequence[str], columns: Columns) -> tuple[str, ...]:
    """The names of the labels in the order of their numbers, found in one pass over the files.

    Raises:
        InputError: see `discover_labels`; or aclImdb and files with other labels.
    """
    reviews = [path for path in paths if is_imdb(path)]
    if len(reviews) == len(paths):
        return imdb.LABELS
    labels = columns.labels or discover_labels([p for p in paths if p not in reviews], columns)
    for path in reviews:
        _check_labels(path, Columns(labels=labels))
    return labels


def short_names(paths: Sequence[str]) -> Mapping[str, str]:
    """For each path its last part or, where several end so, as many of its last parts as differ.

    Ids are made of them: they stay the same when all the files are moved elsewhere.
    """
    endings = {path: _endings(path) for path in paths}
    count = collections.Counter(ending for some in endings.values() for ending in some)
    return {
        path: next((ending for ending in some if count[ending] == 1), path)
        for path, some in endings.items()
    }


def _endings(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[-n:]) for n in range(1, len(parts) + 1)]


def is_imdb(path: str, expected: str = _TEXTS) -> bool:
    """Whether a source is aclImdb, as a folder or an archive, and not a file of rows.

    Args:
        path: of the source.
        expected: the kinds of source that a message lists.

    Raises:
        InputError: it is of no known kind.
    """
    extension = files.extension_of(path)
    if extension in _TABLES:
        return False
    if extension in _ARCHIVES or files.is_folder(path):
        return True
    raise InputError(_unknown(path, expected))


def _check_labels(path: str, columns: Columns) -> None:
    if columns.labels not in ((), imdb.LABELS):
        raise InputError(
            f"{path}: aclImdb has the labels {','.join(imdb.LABELS)}, but --labels are "
            f"{','.join(columns.labels)[:80]}."
        )


def _unknown(path: str, expected: str) -> str:
    if not files.exists(path):
        return f"{path}: no such file or folder, expected {expected}."
    return f"{path}: its name tells no kind of source, expected {expected}."
