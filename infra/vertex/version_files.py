"""The files of a model version, and a digest that tells versions apart by their content."""

import base64
import dataclasses
import hashlib
import pathlib

import google_crc32c

from infra.vertex.names import model_prefix
from preprocessing.dataset_info import sha256_of_file
from preprocessing.errors import InputError
from serving import provenance
from serving.model_dir import newest_version, version_folders

_CHUNK_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class LocalVersion:
    """A version that `serving.export` has written."""

    model: str  # its name in the cloud and in the server
    number: int
    folder: pathlib.Path
    files: dict[str, int]  # path below the folder -> bytes
    digest: str  # SHA-256 over paths and contents

    @property
    def prefix(self) -> str:
        """The folder in the bucket that becomes the server's base path.

        It is named by the content as well, so what is deployed is never overwritten.
        """
        return f"{model_prefix(self.model)}{self.number}-{self.digest[:12]}"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())

    def object_name(self, file: str) -> str:
        """Where a file goes; TF Serving looks for the version's number below its base path."""
        return f"{self.prefix}/{self.number}/{file}"

    @property
    def description(self) -> str:
        """What the Model Registry shows of it."""
        content = provenance.read_if_there(self.folder) or {}
        exported = f", exported {content['created']}" if content.get("created") else ""
        return f"{self.model} version {self.number}{exported}"


def read_version(model_dir: pathlib.Path, model: str, number: int | None) -> LocalVersion:
    """A version of a model's folder, the newest without a number.

    Raises:
        InputError: there is none.
    """
    folder = newest_version(model_dir) if number is None else _numbered(model_dir, number)
    if not folder.name.isdigit():
        raise InputError(
            f"{model_dir}: a version's own folder must be named by its number, and is not. Give "
            "the model's folder."
        )
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return LocalVersion(model, int(folder.name), folder, files, _digest(folder, files))


def _numbered(model_dir: pathlib.Path, number: int) -> pathlib.Path:
    found = version_folders(model_dir)
    if number not in found:
        there = ", ".join(map(str, found)) or "none"
        raise InputError(f"{model_dir}: no version {number}, expected one of: {there}.")
    return found[number]


def _digest(folder: pathlib.Path, files: dict[str, int]) -> str:
    lines = [f"{sha256_of_file(folder / file)}  {file}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def crc32c(path: pathlib.Path) -> str:
    """The checksum of a file as Cloud Storage gives it: base64 of 4 bytes."""
    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while block := file.read(_CHUNK_BYTES):
            checksum.update(block)
    return base64.b64encode(checksum.digest()).decode()
