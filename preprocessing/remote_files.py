"""Files on gs://, s3:// and hdfs://, through Apache Beam's file systems.

Beam is imported when the first remote path or pattern is met, not before: `serving.evaluate`
reads local sources where Beam is not installed.
"""

import importlib
import io
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from preprocessing.errors import InputError

if TYPE_CHECKING:
    from apache_beam.io.filesystem import FileSystem

_T = TypeVar("_T")
_SCHEME = re.compile(r"([a-zA-Z][-a-zA-Z0-9+.]*)://")
# Scheme -> the extra of apache-beam that knows it, and a module which that extra installs.
_EXTRAS = {
    "gs": ("gcp", "google.cloud.storage"),
    "s3": ("aws", "boto3"),
    "hdfs": ("hadoop", "hdfs"),
}


def configure(beam_flags: list[str]) -> None:
    """Tells Beam's file systems flags such as `--s3_endpoint_url` and `--hdfs_host`.

    Beam does so itself when a pipeline is made and, with most runners, in the workers.
    """
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(beam_flags))


def scheme_of(path: str) -> str:
    """ "s3" of "s3://bucket/name"; "" of a local path."""
    match = _SCHEME.match(path)
    return match[1] if match else ""


def match(pattern: str) -> dict[str, int]:
    """What Beam finds for a pattern, with sizes in bytes.

    Local patterns, too, mean what they mean there. On HDFS folders are found like files.
    """
    (found,) = _ask(pattern, lambda system: system.match([pattern]))
    return {entry.path: entry.size_in_bytes for entry in found.metadata_list}


def exists(path: str) -> bool:
    """Whether there is a file; of folders only HDFS has its own."""
    return _ask(path, lambda system: system.exists(path))


def size(path: str) -> int:
    """Bytes of a file."""
    return _ask(path, lambda system: system.size(path))


def is_folder(path: str) -> bool:
    """Whether anything lies below a path."""
    below = _quoted(path.rstrip("/")) + "/**"
    if not _has_folders(path):
        return bool(_ask(path, lambda system: system.match([below], [1])[0].metadata_list))
    try:
        return exists(path) and match(below) is not None
    except InputError:  # HDFS does not list files
        return False


def list_folder(folder: str) -> dict[str, int]:
    """Files in a folder, and on HDFS its folders too, with their sizes; none if it is not there."""
    if _has_folders(folder) and not is_folder(folder):
        return {}
    return match(_quoted(folder.rstrip("/")) + "/*")


def list_files(folder: str) -> dict[str, int]:
    """All files below a folder, at any depth, with their sizes in bytes."""
    if not _has_folders(folder):
        return match(_quoted(folder.rstrip("/")) + "/**")
    found: dict[str, int] = {}
    for path, size_in_bytes in list_folder(folder).items():
        is_file = size_in_bytes or not is_folder(path)
        found |= {path: size_in_bytes} if is_file else list_files(path)
    return found


def _has_folders(path: str) -> bool:
    return _file_system(path).has_dirs()


def _quoted(path: str) -> str:
    """A pattern for a path with brackets and question marks of its own."""
    return path.replace("[", "[[]").replace("?", "[?]")


def open_file(path: str) -> BinaryIO:
    """Opens a file as it is stored, to read and seek; later errors are OSErrors."""
    stream = _ask(path, lambda system: _open(system, path))
    return cast(BinaryIO, io.BufferedReader(_Stream(stream), 1 << 20))


def _open(system: "FileSystem", path: str) -> BinaryIO:
    from apache_beam.io.filesystem import CompressionTypes

    if scheme_of(path) == "s3":
        return _s3.of(getattr(system, "_options", None)).open(path)
    return system.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


class _S3(threading.local):
    """One S3 client per thread: Beam makes one per file, and that takes 0.1 to 0.2 s."""

    options: Any = None
    client: Any = None

    def of(self, options: Any) -> Any:
        """The client with Beam's options."""
        if self.client is None or self.options is not options:
            from apache_beam.io.aws.s3io import S3IO

            self.options, self.client = options, S3IO(options=options)
        return self.client


_s3 = _S3()


class _Stream(io.RawIOBase):
    """A stream of Beam; what its client library raises, a type of its own, becomes OSError."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._stream.read(len(buffer))
        except Exception as error:
            raise OSError(one_line(error)) from error
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def _ask(path: str, question: Callable[["FileSystem"], _T]) -> _T:
    """Asks the file system of a path; whatever it raises is an InputError."""
    system = _file_system(path)
    try:
        return question(system)
    except Exception as error:
        raise InputError(f"{path}: cannot read it ({one_line(error)}).") from error


def _file_system(path: str) -> "FileSystem":
    """Beam's file system for a path.

    Raises:
        InputError: unknown scheme, its packages are not installed, or a flag is missing.
    """
    from apache_beam.io.filesystems import FileSystems

    scheme = scheme_of(path)
    if scheme:
        _check_installed(path, scheme)
    try:
        return FileSystems.get_filesystem(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot read it ({one_line(error)}).") from error


def _check_installed(path: str, scheme: str) -> None:
    if scheme not in _EXTRAS:
        known = ", ".join(f"{name}://" for name in _EXTRAS)
        raise InputError(f"{path}: {scheme}:// is unknown, expected a local path or {known}.")
    extra, module = _EXTRAS[scheme]
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{path}: {scheme}:// needs more packages: pip install 'apache-beam[{extra}]'."
        ) from error


def one_line(error: Exception) -> str:
    """What an error says: of the system the reason, of Beam what it wraps, else its own text."""
    causes = getattr(error, "exception_details", None)  # BeamIOError: path -> what happened
    if causes:
        return one_line(next(iter(causes.values())))
    # S3's errors would else show a code beside it.
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or error
    return " ".join(str(text).split())[:300] or type(error).__name__
