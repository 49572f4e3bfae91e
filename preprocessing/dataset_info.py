"""`info.json`: what a data set is, written last, so that its presence means the set is whole."""

import dataclasses
import hashlib
import json
import os
import pathlib

from preprocessing.errors import InputError

INFO_FILE = "info.json"
VOCABULARY_FILE = "vocab.txt"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitInfo:
    """One split: its shards, and how long its records are."""

    records: int  # reviews, or windows
    examples: int  # reviews, or questions
    tokens: int  # summed over the records
    shards: list[str]  # file names in the data set's folder, in order
    length_histogram: dict[str, int]  # "64" -> records of 33 to 64 tokens; keys as strings


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The content of `info.json`."""

    task: str  # "imdb" or "squad"
    splits: dict[str, SplitInfo]
    rejected: dict[str, int]  # reason -> source records that are in no split
    parameters: dict[str, int | float | str | bool | None]  # every flag that shapes the records
    vocabulary_sha256: str  # of vocab.txt in the same folder
    lowercase: bool  # False for cased vocabularies
    sources: dict[str, str]  # file -> SHA-256
    digest: str  # SHA-256 over all records in order: the same input gives the same digest
    versions: dict[str, str]  # package -> version
    has_unanswerable: bool = False  # SQuAD v2.0

    def save(self, data_dir: pathlib.Path) -> None:
        """Writes `info.json` under a temporary name and renames it."""
        temporary = data_dir / f".{INFO_FILE}.tmp"
        temporary.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
        os.replace(temporary, data_dir / INFO_FILE)


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
    except FileNotFoundError:
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
