import pytest

from preprocessing.lengths import BUCKETS, bucket_counts, quantile

HISTOGRAM = {"64": 5, "32": 4, "512": 1}  # ten records, not in order


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.1, 32), (0.4, 32), (0.41, 64), (0.5, 64), (0.9, 64), (0.91, 512), (1.0, 512)],
)
def test_quantile_is_the_end_of_its_bin(share, expected):
    assert quantile(HISTOGRAM, share) == expected


def test_bucket_counts_join_the_bins_of_a_bucket():
    histogram = {"32": 1, "160": 2, "192": 3, "224": 4, "416": 5, "512": 6}
    assert bucket_counts(histogram) == {
        "1-32": 1, "33-64": 0, "65-96": 0, "97-128": 0, "129-192": 5, "193-256": 4,
        "257-384": 0, "385-512": 11,
    }  # fmt: skip


def test_bucket_counts_say_what_is_longer_than_all_buckets():
    assert bucket_counts({"544": 7, "32": 1})[">512"] == 7
    assert ">512" not in bucket_counts({"512": 7})


def test_borders_are_ends_of_bins():
    """Otherwise a histogram could not tell how many records a bucket holds."""
    assert [border % 32 for border in BUCKETS] == [0] * len(BUCKETS)
