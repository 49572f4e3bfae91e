"""Lengths of records in tokens: the buckets they are batched in, and what a histogram tells.

A histogram is `info.json`'s: "64" -> records of 33 to 64 tokens.
"""

from collections.abc import Mapping

# The lengths that XLA compiles for: batches are padded to the next one.
BUCKETS = (32, 64, 96, 128, 192, 256, 384, 512)


def quantile(histogram: Mapping[str, int], share: float) -> int:
    """The upper end, in tokens, of the bin that the quantile lies in.

    Args:
        histogram: not empty.
        share: in (0, 1]: 0.5 for the median, 1.0 for the longest record.
    """
    wanted = share * sum(histogram.values())
    seen = 0
    for end in sorted(map(int, histogram)):
        seen += histogram[str(end)]
        if seen >= wanted:
            break
    return end


def bucket_counts(histogram: Mapping[str, int]) -> dict[str, int]:
    """Records in each bucket: "1-32", "33-64", …, and ">512" where there are such."""
    counts = {}
    for first, last in zip((1, *(border + 1 for border in BUCKETS)), BUCKETS, strict=False):
        counts[f"{first}-{last}"] = _between(histogram, first, last)
    longer = sum(histogram.values()) - sum(counts.values())
    return counts | ({f">{BUCKETS[-1]}": longer} if longer else {})


def _between(histogram: Mapping[str, int], first: int, last: int) -> int:
    return sum(records for end, records in histogram.items() if first <= int(end) <= last)
