"""Downloads with a pinned SHA-256: resumed where they broke off, published by a rename."""

import logging
import os
import pathlib

import httpx

from preprocessing.dataset_info import sha256_of_file
from preprocessing.errors import InputError
from preprocessing.progress import progress

logger = logging.getLogger(__name__)

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds; reading counts from byte to byte
_MEGABYTE = 1_000_000


def download(url: str, path: pathlib.Path, sha256: str) -> None:
    """Fetches a file unless it is there already.

    What a broken connection left behind, `<path>.part`, is continued by the next call.

    Args:
        url: http or https; redirects are followed.
        path: where the file goes; its folder is made.
        sha256: of the whole file, in hexadecimal digits. Another content is never published.

    Raises:
        InputError: no connection, an HTTP error, another checksum, or no folder for the file.
    """
    if has_sha256(path, sha256):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot make it ({error.strerror}).") from error
    part = path.with_name(path.name + ".part")
    try:
        _continue_download(url, part)
    except httpx.HTTPStatusError as error:
        raise InputError(f"{url}: HTTP status {error.response.status_code}.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(
            f"{url}: {error or type(error).__name__}. Check the network, or bring the file to "
            f"{path} yourself; run the same command again to go on."
        ) from error
    check_sha256(part, sha256, url)
    os.replace(part, path)


def _continue_download(url: str, part: pathlib.Path) -> None:
    start = part.stat().st_size if part.exists() else 0
    # Not compressed on the way: a range counts compressed bytes, and we hold unpacked ones.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with httpx.stream(
        "GET", url, headers=headers, follow_redirects=True, timeout=_TIMEOUT
    ) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the part is whole; its checksum says whether it is right
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        size = int(response.headers.get("content-length", 0)) + start * resumed
        with (
            progress(f"{part.stem} (MB)", size // _MEGABYTE) as update,
            part.open("ab" if resumed else "wb") as file,
        ):
            for chunk in response.iter_bytes():
                file.write(chunk)
                update(file.tell() // _MEGABYTE)


def has_sha256(path: pathlib.Path, sha256: str) -> bool:
    """Whether a file is there and is what it should be."""
    return path.is_file() and sha256_of_file(path) == sha256


def check_sha256(path: pathlib.Path, sha256: str, source: str) -> None:
    """Deletes a file that is not what it should be, and raises InputError."""
    found = sha256_of_file(path)
    if found != sha256:
        size = path.stat().st_size
        path.unlink()
        raise InputError(
            f"{source}: SHA-256 of the {size} bytes is {found}, expected {sha256}. The file was "
            "deleted; if a second try gives the same, the source has changed."
        )
