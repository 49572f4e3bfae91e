"""`info.json` of predictions, written last: without it there are none."""

import dataclasses
import json
import re
from typing import Any

from preprocessing import files, storage
from preprocessing.dataset_info import INFO_FILE
from preprocessing.errors import InputError

KIND = "predictions"
_FILE = re.compile(r"(predictions-\d{5}-of-\d{5}|rejected-rows)-[0-9a-f]{8}\.jsonl")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictionsInfo:
    """The content of `info.json`."""

    task: str  # "imdb" or "squad"
    model: dict[str, Any]  # version, folder, SHA-256 of its graph and provenance
    parameters: dict[str, int]  # flags that shape the lines
    read: int  # source records: `predicted` and rejected ones
    predicted: int
    rejected: dict[str, int]  # reason -> source records without a prediction
    sources: dict[str, str]  # file -> SHA-256
    shards: list[str]  # file names, in order
    rejected_files: list[str]
    digest: str  # SHA-256 over all lines in order
    versions: dict[str, str]  # package -> version
    kind: str = KIND

    def files(self) -> list[str]:
        """The names of all files but `info.json`."""
        return [*self.shards, *self.rejected_files]

    def to_json(self) -> str:
        """The content of `info.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


def check_folder(output_dir: str) -> None:
    """Makes sure that predictions go to a new or an empty folder, or replace older ones.

    Raises:
        InputError: there is a data set, an evaluation, or anything else.
    """
    names = storage.list_names(output_dir)
    if INFO_FILE not in names:
        _check_names(output_dir, names)
    elif _kind(storage.join(output_dir, INFO_FILE)) != KIND:
        raise InputError(
            f"--output_dir {output_dir}: {INFO_FILE} there is of a data set, or of something else "
            "that is no set of predictions. Name another folder."
        )


def _check_names(output_dir: str, names: list[str]) -> None:
    """Without info.json, only what a job leaves that is killed while it publishes may be there."""
    others = [name for name in names if not name.startswith(".") and not _FILE.fullmatch(name)]
    if others:
        listed = ", ".join(others[:3]) + ", …" * (len(others) > 3)
        raise InputError(
            f"--output_dir {output_dir}: there is something else in it ({listed}), expected a new "
            "or an empty folder, or one of predictions. Name another folder."
        )


def _kind(path: str) -> Any:
    try:
        return json.loads(files.read_file(path)).get("kind")
    except (ValueError, AttributeError):
        return None
