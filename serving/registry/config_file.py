"""TF Serving's model config as a file: read, changed under a lock, replaced in one step.

The text is read and written by protobuf, so what other models say survives; comments do not, and
a file that has some is copied before the first change.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from preprocessing.errors import InputError
from trainer.disk import put_in_place

LOCK_TIMEOUT_S = 10.0
_COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(#)""")


def default_path(model_dir: pathlib.Path) -> pathlib.Path:
    """`models.config` beside the model's folder."""
    return model_dir.resolve().parent / "models.config"


def read(path: pathlib.Path) -> ModelServerConfig:
    """The config in a file; an empty one where there is no file.

    Raises:
        InputError: it is no `model_config_list` in protobuf's text format, or has fields that are
            unknown here, and so would be lost.
    """
    config = ModelServerConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
    except FileNotFoundError:
        return config
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InputError(
            f"{path}: cannot be read as TF Serving's ModelServerConfig ({_one_line(error)}). "
            "Correct it, or name another file with --config."
        ) from error
    if config.WhichOneof("config") not in (None, "model_config_list"):
        raise InputError(f"{path}: holds a custom_model_config, expected a model_config_list.")
    return config


def find(config: ModelServerConfig, name: str) -> ModelConfig | None:
    """A model's entry."""
    return next((one for one in config.model_config_list.config if one.name == name), None)


class OpenConfig:
    """A config file that this process alone may change; `proto` is what `save` writes."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.proto = read(path)
        self._saved = ModelServerConfig()
        self._saved.CopyFrom(self.proto)
        self.backup: pathlib.Path | None = None  # made by `save` of a file with comments

    def save(self) -> None:
        """Replaces the file, if anything has changed.

        Raises:
            InputError: it cannot be written.
        """
        if self.proto == self._saved:
            return
        text = text_format.MessageToString(self.proto, as_utf8=True)
        try:
            self.backup = self.backup or _copy_with_comments(self.path)
            _replace(self.path, text)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror}).") from error
        self._saved.CopyFrom(self.proto)


@contextlib.contextmanager
def opened(path: pathlib.Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[OpenConfig]:
    """A config file to change, locked against other registry commands; nobody saves but `save`.

    Raises:
        InputError: it cannot be read, or another command has held it for `timeout_s`.
    """
    path = path.resolve()  # the file behind a link is replaced, and not the link
    with _locked(path, timeout_s):
        yield OpenConfig(path)


@contextlib.contextmanager
def _locked(path: pathlib.Path, timeout_s: float) -> Iterator[None]:
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            f"{path.parent}: cannot write there ({error.strerror}), expected the folder of the "
            "model config. Make it, or name another file with --config."
        ) from error
    try:
        deadline = time.monotonic() + timeout_s
        while not _lock(descriptor):
            if time.monotonic() > deadline:
                raise InputError(
                    f"{path}: another registry command has been at work on it for "
                    f"{timeout_s:.0f} s. Wait for that one."
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)  # lets go of the lock, as the end of the process does


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _copy_with_comments(path: pathlib.Path) -> pathlib.Path | None:
    """Copies a file that has comments to the first free `<name>.bak`, `.bak-2`, …"""
    if not path.exists() or not _has_comments(path.read_text(encoding="utf-8")):
        return None
    number, backup = 1, path.with_name(f"{path.name}.bak")
    while backup.exists():
        number += 1
        backup = path.with_name(f"{path.name}.bak-{number}")
    shutil.copy2(path, backup)
    return backup


def _has_comments(text: str) -> bool:
    return any(match[2] for match in _COMMENT.finditer(text))


def _replace(path: pathlib.Path, text: str) -> None:
    """A server that reads the file meanwhile sees the old text or the new."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        put_in_place(pathlib.Path(temporary), path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
