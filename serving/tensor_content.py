"""`TensorProto.tensor_content`: a tensor's values as bytes, little-endian, without TensorFlow."""

import struct
from collections.abc import Sequence

from serving.protocol import DataType

_FORMATS = {
    DataType.DT_FLOAT: "f", DataType.DT_DOUBLE: "d", DataType.DT_HALF: "e", DataType.DT_BOOL: "?",
    DataType.DT_INT8: "b", DataType.DT_INT16: "h", DataType.DT_INT32: "i", DataType.DT_INT64: "q",
    DataType.DT_UINT8: "B", DataType.DT_UINT16: "H", DataType.DT_UINT32: "I",
    DataType.DT_UINT64: "Q",
}  # fmt: skip


def decode_numbers(dtype: int, content: bytes, size: int) -> tuple[float | int | bool, ...]:
    """The values of a tensor of numbers.

    Raises:
        ValueError: the dtype has none of these, or the content is of another length.
    """
    if dtype not in _FORMATS:
        raise ValueError(f"content of dtype {dtype}")
    layout = struct.Struct(f"<{size}{_FORMATS[DataType(dtype)]}")
    if layout.size != len(content):
        raise ValueError(f"{len(content)} bytes of content for {size} values of dtype {dtype}")
    return layout.unpack(content)


def encode_strings(values: Sequence[bytes]) -> bytes:
    """TensorFlow's content of strings: every length as a varint, then all the bytes."""
    lengths = bytearray()
    for value in values:
        left = len(value)
        while left >= 0x80:
            lengths.append(left & 0x7F | 0x80)
            left >>= 7
        lengths.append(left)
    return bytes(lengths) + b"".join(values)


def decode_strings(content: bytes, size: int) -> list[bytes]:
    """The inverse of `encode_strings`, for so many strings.

    Raises:
        ValueError: the content is cut, or too long.
    """
    lengths, position = [], 0
    for _ in range(size):
        length, position = _varint(content, position)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError("string content of the wrong length")
    values = []
    for length in lengths:
        values.append(content[position : position + length])
        position += length
    return values


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """A length, and where the next one begins."""
    length, shift = 0, 0
    while True:
        if position >= len(content) or shift > 28:
            raise ValueError("string content ends within its lengths")
        byte = content[position]
        position += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return length, position
