import numpy as np
import pytest

from preprocessing import example_encoding as encoding
from tests.examples import encode

# The longest varints of one to three bytes, and the shortest of the next.
BORDERS = [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_151]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, b"\x00"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (2**63, b"\x80" * 9 + b"\x01"),
    ],
)
def test_varints_as_the_protobuf_documentation_has_them(value, expected):
    assert encoding.varint(value) == expected


def test_packed_varints_are_the_single_ones_in_a_row():
    packed, ends = encoding.pack_varints(np.array(BORDERS, np.int32))
    single = [encoding.varint(value) for value in BORDERS]
    assert packed == b"".join(single)
    assert np.diff(ends).tolist() == [len(value) for value in single]


def test_nothing_packed_is_nothing():
    packed, ends = encoding.pack_varints(np.zeros(0, np.int32))
    assert (packed, ends.tolist()) == (b"", [0])


@pytest.mark.parametrize("token_ids", [[], BORDERS, [5] * 20_000], ids=["none", "few", "many"])
def test_examples_are_those_of_protobuf(token_ids):
    packed, _ = encoding.pack_varints(np.array(token_ids, np.int32))
    serialized = encoding.example(
        encoding.string("id", "zoé/1"),
        encoding.int64("label", 7),
        encoding.int64_list("token_ids", packed),
    )
    assert serialized == encode({"id": "zoé/1", "label": 7, "token_ids": token_ids})
