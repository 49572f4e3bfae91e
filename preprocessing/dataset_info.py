"""`info.json`: what a data set is, written last, so that its presence means the set is whole."""

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

from preprocessing.errors import InputError

INFO_FILE = "info.json"
VOCABULARY_FILE = "vocab.txt"  # in presets and runs; a data set's has its content in its name


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitInfo:
    """One split: its shards, and how long its records are."""

    records: int  # reviews, or windows
    examples: int  # reviews, or questions
    tokens: int  # summed over the records
    shards: list[str]  # file names in the data set's folder, in order
    length_histogram: dict[str, int]  # "64" -> records of 33 to 64 tokens; keys as strings
    labels: dict[str, int] = dataclasses.field(default_factory=dict)  # name -> examples


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The content of `info.json`."""

    task: str  # "imdb" or "squad"
    splits: dict[str, SplitInfo]
    rejected: dict[str, int]  # reason -> source records that are in no split
    parameters: dict[str, int | float | str | bool | None]  # every flag that shapes the records
    vocabulary_sha256: str
    lowercase: bool  # False for cased vocabularies
    sources: dict[str, str]  # file -> SHA-256
    digest: str  # SHA-256 over all records in order: the same input gives the same digest
    versions: dict[str, str]  # package -> version
    has_unanswerable: bool = False  # SQuAD v2.0
    vocabulary_file: str = VOCABULARY_FILE  # in the same folder
    read: int = 0  # source records: examples of all splits and rejected ones
    rejected_files: list[str] = dataclasses.field(default_factory=list)
    labels: list[str] = dataclasses.field(default_factory=list)  # imdb: names of 0, 1, …
    # What of -> split or splits -> count: "texts", or "contexts" and "questions".
    duplicates: dict[str, Any] = dataclasses.field(default_factory=dict)

    def files(self) -> list[str]:
        """The names of all files of the data set but `info.json`."""
        shards = [name for split in self.splits.values() for name in split.shards]
        return [*shards, *self.rejected_files, self.vocabulary_file]

    def to_json(self) -> str:
        """The content of `info.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def load_info(data_dir: pathlib.Path) -> DatasetInfo:
    """Reads `info.json` of a data set.

    Raises:
        InputError: the folder is not a finished data set.
    """
    path = pathlib.Path(data_dir) / INFO_FILE
    try:
        fields = json.loads(path.read_text())
        splits = {name: SplitInfo(**split) for name, split in fields.pop("splits").items()}
        return DatasetInfo(splits=splits, **fields)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{data_dir}: no {INFO_FILE}, so this is not a finished data set. Make one with "
            "`python -m preprocessing imdb|squad --output_dir ...`."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not an {INFO_FILE} of this version of Bertline ({error}). Run the "
            "preprocessing again."
        ) from error


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
