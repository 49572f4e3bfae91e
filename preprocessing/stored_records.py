"""TFRecords of `tf.train.Example` read one by one, without the seconds that TensorFlow takes.

The messages are built here, in a descriptor pool of their own, so that TensorFlow's can live in
the same process. Only the kinds of fields that our records have are there.
"""

import dataclasses
import pathlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import google_crc32c
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError

from preprocessing.errors import InputError

# A map is a list of its entries on the wire.
_EXAMPLE = """
name: "example.proto" package: "stored" syntax: "proto3"
message_type { name: "Example"
  field { name: "features" number: 1 type_name: ".stored.Features" } }
message_type { name: "Features"
  field { name: "feature" number: 1 type_name: ".stored.Entry" label: LABEL_REPEATED } }
message_type { name: "Entry"
  field { name: "key" number: 1 type: TYPE_STRING }
  field { name: "value" number: 2 type_name: ".stored.Feature" } }
message_type { name: "Feature"
  field { name: "bytes_list" number: 1 type_name: ".stored.BytesList" }
  field { name: "int64_list" number: 3 type_name: ".stored.Int64List" } }
message_type { name: "BytesList"
  field { name: "value" number: 1 type: TYPE_BYTES label: LABEL_REPEATED } }
message_type { name: "Int64List"
  field { name: "value" number: 1 type: TYPE_INT64 label: LABEL_REPEATED } }
"""
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


@dataclasses.dataclass(frozen=True)
class StoredRecord:
    """A record as it is stored.

    Attributes:
        place: the shard and the record's number in it, from 1.
        fields: name -> integers, or byte strings.
    """

    place: str
    fields: Mapping[str, list[Any]]

    @property
    def id(self) -> str:
        """The review's or the question's."""
        (value,) = self._values("id", bytes, 1)
        return value.decode("utf-8", "replace")

    def integer(self, name: str) -> int:
        """The one value of a field.

        Raises:
            InputError: it has no such field, or not one value in it.
        """
        (value,) = self._values(name, int, 1)
        return value

    def integers(self, name: str) -> list[int]:
        """All values of a field.

        Raises:
            InputError: it has no such field.
        """
        return self._values(name, int, None)

    def _values(self, name: str, kind: type, count: int | None) -> list[Any]:
        values = self.fields.get(name)
        if (
            values is None
            or not all(isinstance(value, kind) for value in values)
            or count not in (None, len(values))
        ):
            raise InputError(
                f"{self.place}: field {name!r} is {values}, expected "
                f"{'values' if count is None else 'one value'} of {kind.__name__}. Run the "
                "preprocessing again."
            )
        return values


def _example_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(_EXAMPLE, descriptor_pb2.FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("stored.Example"))


_Example = _example_class()


def read_records(path: pathlib.Path, containing: bytes = b"") -> Iterator[StoredRecord]:
    """Yields the records of a shard in its order.

    Args:
        path: of the shard.
        containing: only records with these bytes anywhere in them; others are not parsed.

    Raises:
        InputError: the shard is not there, is cut, or has a record that is damaged.
    """
    try:
        with open(path, "rb") as file:
            for number, serialized in enumerate(_payloads(file, path), start=1):
                if containing in serialized:
                    yield _parse(serialized, f"{path}: record {number}")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}), but info.json names it. Copy the whole "
            "data set, or run the preprocessing again."
        ) from error


def _payloads(file: BinaryIO, path: pathlib.Path) -> Iterator[bytes]:
    """Content by content; in the file each has its length before it, and both have checksums."""
    number = 1
    while length := file.read(_LENGTH.size):
        place = f"{path}: record {number}"
        _check(length, _LENGTH.size, file, place)
        size = _LENGTH.unpack(length)[0]
        content = file.read(size)
        _check(content, size, file, place)
        yield content
        number += 1


def _check(content: bytes, size: int, file: BinaryIO, place: str) -> None:
    checksum = file.read(_CHECKSUM.size)
    if len(content) + len(checksum) < size + _CHECKSUM.size:
        raise _damaged(place, "the file ends within it")
    crc = google_crc32c.value(content)
    # Rotated and moved as TensorFlow's core/lib/hash/crc32c.h does it.
    if ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF != _CHECKSUM.unpack(checksum)[0]:
        raise _damaged(place, "its checksum does not fit its content")


def _parse(serialized: bytes, place: str) -> StoredRecord:
    try:
        entries = _Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise _damaged(place, f"it is no tf.train.Example: {error}") from error
    return StoredRecord(
        place,
        {
            entry.key: [*entry.value.int64_list.value, *entry.value.bytes_list.value]
            for entry in entries
        },
    )


def _damaged(place: str, reason: str) -> InputError:
    return InputError(
        f"{place} is damaged: {reason}. Copy the data set again, or run the preprocessing again."
    )
