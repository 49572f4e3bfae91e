"""The files of a tar archive, read as a stream.

`tarfile` reads all archives, but takes a cut or damaged header for the archive's end, and 35 µs
for a member, most of them for fields that nobody asks for. Here the usual header is read as far
as it is needed, any other one by `tarfile.TarInfo`, and nothing less than the end is the end.
"""

import re
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

MAX_FILE_SIZE = 1 << 26  # bytes; of what is held in memory
_BLOCK_SIZE = 512
_CHUNK_SIZE = 1 << 16  # of what is passed over
_END = bytes(_BLOCK_SIZE)
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders
_LONG_NAME, _PAX, _ABOUT_ALL_OR_LINKS = b"L", (b"x", b"X"), (b"g", b"K")


def read_files(stream: BinaryIO, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """The name and content of each file whose name has the pattern, in their order.

    Args:
        stream: the archive, unpacked.
        wanted: searched for in the names with their folders.

    Raises:
        tarfile.ReadError: the archive is cut, damaged or followed by something, or what is
            wanted is not a file of at most `MAX_FILE_SIZE` bytes.
    """
    extension: dict[str, str] = {}  # what stands before a header that has no room for it
    while (header := stream.read(_BLOCK_SIZE)) != _END:
        name, size, kind = _parse(header)
        if kind == _LONG_NAME:
            long_name = _read(stream, "a long name", size).partition(b"\0")[0]
            extension["path"] = long_name.decode("utf-8", "replace")
        elif kind in _PAX:
            extension |= _pax_records(_read(stream, "a pax header", size))
        elif kind in _ABOUT_ALL_OR_LINKS:
            _skip(stream, size)
        else:
            if extension:
                name, size = extension.get("path", name), _size(extension) or size
                extension = {}
            if not wanted.search(name):
                _skip(stream, 0 if kind in _WITHOUT_CONTENT else size)
            elif kind in (b"0", b"\0", b"7"):
                yield name, _read(stream, name, size)
            else:
                raise tarfile.ReadError(f"{name} is a link or the like, not a file")
    while rest := stream.read(_CHUNK_SIZE):  # also checks the sum that compressed content ends with
        if rest.strip(b"\0"):
            raise tarfile.ReadError("more data after the end of the archive")


def _parse(header: bytes) -> tuple[str, int, bytes]:
    """Name, size and kind of a member."""
    # A plain file whose name has no second part and whose size has 11 digits, as most are.
    if len(header) == _BLOCK_SIZE and header[156] == ord("0") and not header[345] | header[135]:
        try:
            size, checksum = int(header[124:135], 8), int(header[148:154], 8)
        except ValueError:
            pass  # other ways to write a number
        else:
            # The sum of all bytes, with spaces in place of the checksum.
            if sum(header) - sum(header[148:156]) + 8 * ord(" ") == checksum and size >= 0:
                return header[:100].partition(b"\0")[0].decode("utf-8", "replace"), size, b"0"
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
    except tarfile.HeaderError as error:
        raise tarfile.ReadError(f"cut or damaged: {error}") from error
    if member.size < 0 or member.type == tarfile.GNUTYPE_SPARSE:
        raise tarfile.ReadError(f"{member.name} is a sparse file, or has no size")
    return member.name, member.size, member.type


def _size(extension: dict[str, str]) -> int:
    size = extension.get("size", "0")
    if not re.fullmatch("[0-9]{1,18}", size):
        raise tarfile.ReadError("cut or damaged: size in a pax header")
    return int(size)


def _read(stream: BinaryIO, name: str, size: int) -> bytes:
    if size > MAX_FILE_SIZE:
        raise tarfile.ReadError(f"{name} has {size} bytes, expected at most {MAX_FILE_SIZE}")
    content = stream.read(size + -size % _BLOCK_SIZE)
    if len(content) < size:
        raise tarfile.ReadError(f"cut within {name}")
    return content[:size]


def _skip(stream: BinaryIO, size: int) -> None:
    left = size + -size % _BLOCK_SIZE
    while left > 0:
        skipped = len(stream.read(min(left, _CHUNK_SIZE)))
        if not skipped:
            raise tarfile.ReadError("cut or damaged: unexpected end")
        left -= skipped


def _pax_records(content: bytes) -> dict[str, str]:
    """Records of "<length> <key>=<value>\\n", where the length is the record's."""
    records, at = {}, 0
    while at < len(content):
        length = re.match(rb"(\d{1,10}) ", content[at : at + 11])
        end = at + int(length[1]) if length else 0
        key, separator, value = content[at:end].partition(b"=")
        if not length or end > len(content) or not separator or not value.endswith(b"\n"):
            raise tarfile.ReadError("cut or damaged: pax header")
        name = key[length.end() :].decode("utf-8", "replace")
        records[name] = value[:-1].decode("utf-8", "replace")
        at = end
    return records
