"""A split in memory -> a plan of batches for each epoch -> padded arrays.

The plan is a function of (seed, epoch) alone: the place in the data is (epoch, step), so a run
goes on where it stopped, and every replica of every worker takes its rows of the same batch.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from preprocessing.lengths import BUCKETS
from trainer.examples import Examples

CHUNK_BATCHES = 64  # batches whose rows are sorted by length together: more pads less
LENGTH_MULTIPLE = 16  # batches are padded to one: kernels compile for each length

Batch = dict[str, np.ndarray]


def epoch_plan(
    lengths: np.ndarray, global_batch_size: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """The batches of one epoch of training: every row once, rows of a batch about as long.

    Args:
        lengths: int[rows].
        global_batch_size: rows per batch; the batch with the rest has fewer.
        seed: of the run.
        epoch: 0, 1, …

    Returns:
        ceil(rows / global_batch_size) arrays of row numbers, each sorted by length, in random
        order.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(lengths))
    chunk = CHUNK_BATCHES * global_batch_size
    batches = [
        batch
        for start in range(0, len(order), chunk)
        for batch in _cut_sorted(order[start : start + chunk], lengths, global_batch_size)
    ]
    return [batches[index] for index in random.permutation(len(batches))]


def evaluation_plan(lengths: np.ndarray, global_batch_size: int) -> list[np.ndarray]:
    """The batches of an evaluation: every row once, sorted by length."""
    return _cut_sorted(np.arange(len(lengths)), lengths, global_batch_size)


def _cut_sorted(rows: np.ndarray, lengths: np.ndarray, size: int) -> list[np.ndarray]:
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def padded_length(longest: int, fixed_shapes: bool) -> int:
    """The length that a batch is padded to.

    Args:
        longest: tokens of its longest row.
        fixed_shapes: whether to choose among few lengths, for XLA.
    """
    if fixed_shapes:
        for border in BUCKETS:
            if longest <= border:
                return border
    return -(-longest // LENGTH_MULTIPLE) * LENGTH_MULTIPLE


def make_batch(
    examples: Examples, rows: np.ndarray, size: int, length: int, weight: float
) -> Batch:
    """Pads rows to a batch.

    Args:
        examples: the split.
        rows: int[at most size], the row numbers.
        size: rows of the batch; those that are left over are filling, of one [PAD] token.
        length: tokens to pad each row to.
        weight: of each real row in the loss.

    Returns:
        token_ids, segment_ids and padding_mask, int32[size, length]; "weight", float32[size], 0
        for filling; "row", int32[size], -1 for filling; the fields of `examples.LABELS`,
        int32[size].
    """
    mask = np.arange(length) < examples.lengths[rows][:, None]  # [rows, length]
    places = np.where(mask, examples.offsets[rows][:, None] + np.arange(length), 0)
    segment_ids = 0 if examples.segment_ids is None else examples.segment_ids[places]
    batch = {
        "token_ids": _filled(examples.token_ids[places] * mask, size),
        "segment_ids": _filled(segment_ids * mask, size),
        "padding_mask": _filled(mask, size),
        "weight": _filled(np.full(len(rows), weight), size, np.float32),
        "row": _filled(rows, size),
        **{name: _filled(values[rows], size) for name, values in examples.labels.items()},
    }
    batch["padding_mask"][len(rows) :, 0] = 1
    batch["row"][len(rows) :] = -1
    return batch


def _filled(values: np.ndarray, size: int, dtype: type = np.int32) -> np.ndarray:
    """The values, and rows of 0 up to `size`."""
    filled = np.zeros((size, *values.shape[1:]), dtype)
    filled[: len(values)] = values
    return filled


@dataclasses.dataclass(frozen=True)
class Sharding:
    """How the rows of a global batch come to the replicas: the same number of rows to each.

    Attributes:
        replicas: of all workers.
        micro_batches: of an update; each holds rows about as long.
        full_size: rows of a full global batch, to fill every batch up to it and to choose among
            few lengths (for XLA); None to fill up to a multiple of the replicas only.
        most_tokens: that the model has positions for; no row is longer.
    """

    replicas: int = 1
    micro_batches: int = 1
    full_size: int | None = None
    most_tokens: int | None = None

    def parts(self, rows: np.ndarray) -> list[np.ndarray]:
        """The rows of each micro-batch of a global batch; those of a small batch may be none."""
        return np.array_split(rows, self.micro_batches)

    def shape(self, part: np.ndarray, rows: int, lengths: np.ndarray) -> tuple[int, int]:
        """The rows and the length of a replica's share of a micro-batch.

        Args:
            part: the rows of the micro-batch.
            rows: of the global batch.
            lengths: int[rows of the split].
        """
        largest = -(-(self.full_size or rows) // self.micro_batches)
        longest = int(lengths[part].max(initial=1))
        length = padded_length(longest, self.full_size is not None)
        return -(-largest // self.replicas), min(length, self.most_tokens or length)


def padding_share(lengths: np.ndarray, plan: list[np.ndarray], sharding: Sharding) -> float:
    """The share of padding, filling included, in all tokens that a plan computes.

    Args:
        lengths: int[rows].
        plan: row numbers of each global batch.
        sharding: of the plan.
    """
    computed = 0
    for rows in plan:
        for part in sharding.parts(rows):
            size, length = sharding.shape(part, len(rows), lengths)
            computed += sharding.replicas * size * length
    real = sum(int(lengths[rows].sum()) for rows in plan)
    return 1.0 - real / computed


def replica_batches(
    examples: Examples, plan: list[np.ndarray], replicas: range, sharding: Sharding
) -> Iterator[Batch]:
    """Yields, for each micro-batch of the plan, the share of each replica in turn.

    Args:
        examples: the split.
        plan: row numbers of each global batch, sorted by length.
        replicas: the replicas of this worker.
        sharding: of the plan.
    """
    lengths = examples.lengths
    for rows in plan:
        for part in sharding.parts(rows):
            size, length = sharding.shape(part, len(rows), lengths)
            for replica in replicas:
                share = part[replica :: sharding.replicas]  # each gets short and long rows
                yield make_batch(examples, share, size, length, 1.0 / len(rows))
