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
        values: int[n], each in [0, 2**28).

    Returns:
        The bytes, and int64[n + 1]: value i lies in bytes ends[i] to ends[i + 1].
    """
    values = values.astype(np.uint32)
    sizes = 1 + (values > 0x7F) + (values > 0x3FFF) + (values > 0x1FFFFF).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    packed = np.empty(ends[-1], np.uint8)
    for place in range(int(sizes.max(initial=0))):
        here = sizes > place
        more = np.where(sizes[here] > place + 1, 0x80, 0)
        packed[ends[:-1][here] + place] = values[here] >> 7 * place & 0x7F | more
    return packed.tobytes(), ends


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
