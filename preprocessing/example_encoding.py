"""`tf.train.Example` messages, encoded for whole batches at once.

The protobuf library takes many times as long for a record, to copy token ids one by one.
The bytes are those of its deterministic serialization (map entries sorted by key); the wire format
is that of https://protobuf.dev/programming-guides/encoding.
"""

import functools

import numpy as np

_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"  # tags of what has a length
_BYTES_LIST, _INT64_LIST = b"\x0a", b"\x1a"  # fields 1 and 3 of tf.train.Feature


def varint(value: int) -> bytes:
    """A non-negative integer in groups of 7 bits, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_VARINTS = [varint(value) for value in range(1 << 14)]  # the lengths that records have


def _delimited(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (_VARINTS[size] if size < len(_VARINTS) else varint(size)) + content


def pack_varints(values: np.ndarray) -> tuple[bytes, np.ndarray]:
    """All values as varints, one after the other.

    Args:
        values: int[n], each in [0, 2**21), as token ids are.

    Returns:
        The bytes, and int64[n + 1]: value i lies in bytes ends[i] to ends[i + 1].
    """
    codes, used, sizes = _varint_table(int(values.max(initial=0)).bit_length())
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum(sizes[values], out=ends[1:])
    return codes[values].view(np.uint8)[used[values].view(bool)].tobytes(), ends


@functools.lru_cache
def _varint_table(bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For all values of so many bits: their varints, which bytes of those count, and how many.

    Returns:
        uint32[2**bits] and uint32[2**bits], each the four bytes of a row; uint8[2**bits].
    """
    values = np.arange(1 << bits)[:, None]
    place = np.arange(4)
    sizes = 1 + (values > 0x7F) + (values > 0x3FFF)
    more = np.where(place < sizes - 1, 0x80, 0)
    codes = (values >> 7 * place & 0x7F | more).astype(np.uint8)
    used = (place < sizes).astype(np.uint8)
    return codes.view(np.uint32)[:, 0], used.view(np.uint32)[:, 0], sizes[:, 0].astype(np.uint8)


def int64_list(name: str, packed: bytes) -> bytes:
    """The map entry of integers that are packed as varints."""
    values = _delimited(_FIELD_1, packed) if packed else b""
    return _entry(name, _delimited(_INT64_LIST, values))


@functools.lru_cache(1 << 14)
def int64(name: str, value: int) -> bytes:
    """The map entry of one integer."""
    return int64_list(name, varint(value))


def string(name: str, value: str) -> bytes:
    """The map entry of one string."""
    return _entry(name, _delimited(_BYTES_LIST, _delimited(_FIELD_1, value.encode())))


def example(*entries: bytes) -> bytes:
    """A serialized `tf.train.Example` of entries in the order of their names."""
    return _delimited(_FIELD_1, b"".join(entries))


def _entry(name: str, feature: bytes) -> bytes:
    key = _delimited(_FIELD_1, name.encode())
    return _delimited(_FIELD_1, key + _delimited(_FIELD_2, feature))
