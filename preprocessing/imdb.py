"""The Large Movie Review Dataset (aclImdb), as a folder or as its tar.gz, to reviews."""

import dataclasses
import pathlib
import re
import tarfile
from collections.abc import Iterator

from preprocessing import features
from preprocessing.errors import InputError
from preprocessing.records import Record, Rejected, split_of

# aclImdb/train/pos/0_9.txt: id 0, rating 9. The unsupervised part is not labelled.
_REVIEW_PATH = re.compile(r"(?:^|/)aclImdb/((train|test)/(pos|neg)/(\d+_\d+))\.txt$")
_EXPECTED = (
    "Expected the aclImdb folder, or its tar.gz, with reviews at "
    "aclImdb/{train,test}/{pos,neg}/<id>_<rating>.txt"
)


@dataclasses.dataclass(frozen=True)
class Review:
    """One review as it was read; the text is not decoded yet."""

    id: str  # "train/pos/0_9"
    split: str  # "train" or "test", as in the source
    label: int  # 1 positive, 0 negative
    source: str  # the file it stands in
    content: bytes


@dataclasses.dataclass(frozen=True)
class LabelledText:
    """A review that is fit to train on."""

    id: str
    split: str  # "train", "validation" or "test"
    label: int
    text: str


def read_reviews(path: str) -> Iterator[Review]:
    """All labelled reviews of a source.

    Raises:
        InputError: nothing there, or it holds no review in aclImdb's layout.
    """
    found = False
    for name, content in _read_files(path):
        match = _REVIEW_PATH.search(name)
        if match:
            found = True
            review_id, split, label, _ = match.groups()
            yield Review(review_id, split, int(label == "pos"), f"{path}:{name}", content)
    if not found:
        raise InputError(f"{path}: no labelled review in it. {_EXPECTED}.")


def read_split_reviews(path: str, split: str) -> Iterator[Review]:
    """`read_reviews` as the pipeline calls it: a source holds both its splits, `split` is ""."""
    return read_reviews(path)


def check_source(path: str) -> None:
    """Raises InputError unless the source has at least one review."""
    next(read_reviews(path))


def _read_files(path: str) -> Iterator[tuple[str, bytes]]:
    source = pathlib.Path(path)
    if source.is_dir():
        yield from _read_folder(source)
    elif source.is_file():
        yield from _read_tar(path)
    else:
        raise InputError(f"{path}: no such file or folder. {_EXPECTED}.")


def _read_folder(folder: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """Takes the aclImdb folder itself as well as the one it lies in."""
    root = folder if folder.absolute().name == "aclImdb" else folder / "aclImdb"
    for file in sorted(root.glob("t*/[pn]*/*.txt")):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot read it ({error.strerror}). {_EXPECTED}.") from error
        yield f"aclImdb/{file.relative_to(root).as_posix()}", content


def _read_tar(path: str) -> Iterator[tuple[str, bytes]]:
    try:
        # Not as a stream ("r|*"): that takes a cut archive for a whole one if a header is cut.
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if member.isfile() and _REVIEW_PATH.search(member.name):
                    file = archive.extractfile(member)
                    assert file is not None  # a regular file has content
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        reason = str(error).partition(":\n")[0]  # before a list of all compressions
        raise InputError(
            f"{path}: cannot be read as a tar archive ({reason}). {_EXPECTED}."
        ) from error


def check_review(review: Review, validation_fraction: float) -> LabelledText | Rejected:
    """Decodes a review and finds its split; tells why it cannot be used."""
    split = split_of(review.id, validation_fraction) if review.split == "train" else review.split
    try:
        text = review.content.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected(split, review.source, review.id, "invalid_utf8")
    if not text.strip():
        return Rejected(split, review.source, review.id, "empty_text")
    return LabelledText(review.id, split, review.label, text)


def record_of_review(
    review: LabelledText, token_ids: list[int], max_seq_length: int, cls_id: int, sep_id: int
) -> Record:
    """`[CLS] review [SEP]`, cut to `max_seq_length` tokens by leaving out the review's end."""
    ids = [cls_id, *token_ids[: max_seq_length - 2], sep_id]
    fields: dict[str, int | str | list[int]] = {
        "token_ids": ids,
        "label": review.label,
        "id": review.id,
    }
    return Record(review.split, review.id, 0, len(ids), features.encode("imdb", fields))
