"""Where a job writes: folders on any Beam file system, local ones by their plain names."""

import os
import shutil
from typing import BinaryIO

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from preprocessing import files
from preprocessing.remote_files import scheme_of

_PLAIN = {"compression_type": CompressionTypes.UNCOMPRESSED}


def is_local(path: str) -> bool:
    """Whether a path is one of this machine's, and not `gs://…` or the like."""
    return not scheme_of(path)


def join(folder: str, *names: str) -> str:
    """A path below a folder."""
    return "/".join((folder.rstrip("/"), *names))


def create(path: str) -> BinaryIO:
    """Opens a new file to write bytes to; on most remote systems it appears when closed.

    Locally its folder must be there: a worker that is late must not make that of an ended job.
    """
    if is_local(path):
        return open(path, "wb")
    return FileSystems.create(path, **_PLAIN)


def make_folder(path: str) -> None:
    """Makes a folder and those above it; object stores have none to make."""
    if is_local(path):
        os.makedirs(path, exist_ok=True)
    elif _has_folders(path) and not FileSystems.exists(path):
        FileSystems.mkdirs(path)


def move(source: str, target: str) -> None:
    """Moves a file, replacing what is there: in one step, but on HDFS in two."""
    if is_local(target):
        os.replace(source, target)
        return
    if _has_folders(target) and FileSystems.exists(target):
        FileSystems.delete([target])  # HDFS moves nothing to where a file is
    FileSystems.rename([source], [target])


def list_names(folder: str) -> list[str]:
    """Names of what is directly in a folder, in order; none when there is no such folder."""
    return [files.name_of(path) for path in files.list_folder(folder)]


def delete(paths: list[str]) -> None:
    """Deletes files that may be gone already."""
    present = [path for path in paths if FileSystems.exists(path)]
    if present:
        FileSystems.delete(present)


def delete_folder(path: str) -> None:
    """Deletes a folder with all that is in it, if it is there."""
    if is_local(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        FileSystems.delete([path + "/"])
    except BeamIOError:
        if list_names(path):
            raise


def _has_folders(path: str) -> bool:
    """Whether a remote file system has folders of their own: only HDFS does."""
    return FileSystems.get_filesystem(path).has_dirs()
