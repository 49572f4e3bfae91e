"""A model's folder: one subfolder per version, named by an increasing integer."""

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from preprocessing.errors import InputError


def versions(model_dir: pathlib.Path) -> list[int]:
    """The versions in a folder, lowest first; none when the folder does not exist."""
    if not model_dir.is_dir():
        return []
    names = (child.name for child in model_dir.iterdir() if child.is_dir())
    # `isdigit` alone would take the digits of other scripts, which TF Serving does not.
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def newest_version(model_dir: pathlib.Path) -> pathlib.Path:
    """The folder of a model's newest version; a version's own folder is taken as it is.

    Raises:
        InputError: there is none.
    """
    if (model_dir / "saved_model.pb").is_file():
        return model_dir
    found = versions(model_dir)
    if not found:
        raise InputError(
            f"{model_dir}: no version of a model in it (folders named 1, 2, …). Make one with "
            "`python -m serving.export --run_dir … --model_dir …`."
        )
    return model_dir / str(found[-1])


@contextlib.contextmanager
def unpublished_version(model_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """A temporary folder beside the versions, removed if it was not published meanwhile."""
    model_dir.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=".unpublished-", dir=model_dir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: pathlib.Path, model_dir: pathlib.Path) -> pathlib.Path:
    """Renames a finished folder to the next free version: a server sees all of it or nothing."""
    folder.chmod(0o755)  # a server of another user reads it; temporary folders are private
    while True:
        target = model_dir / str((versions(model_dir) or [0])[-1] + 1)
        try:
            os.rename(folder, target)
            return target
        except OSError as error:  # another exporter was faster
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
