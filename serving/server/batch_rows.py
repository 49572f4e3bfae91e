"""The rows of several requests as one batch, and a batch's outputs cut into theirs again."""

from collections.abc import Mapping, Sequence

import numpy as np

from serving.server.status import Code, StatusError, invalid_argument

Feeds = Mapping[str, np.ndarray]  # by tensor name
_MAX_PADDED_RANK = 6


def count_rows(feeds: Feeds) -> int:
    """The size of dimension 0, which all inputs of a request must share.

    Raises:
        StatusError: they cannot be part of a batch.
    """
    if not feeds:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    if any(array.ndim == 0 for array in feeds.values()):
        raise invalid_argument("Batching Run() input tensors must have at least one dimension")
    sizes = {len(array) for array in feeds.values()}
    if len(sizes) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return sizes.pop()


def longest_row(feeds: Feeds) -> int:
    """Bytes of text in the row that has most of it: what a graph pads the others to."""
    texts = [array.reshape(len(array), -1) for array in feeds.values() if array.dtype.kind == "O"]
    rows = zip(*texts, strict=True)
    return max((sum(len(text) for part in row for text in part) for row in rows), default=0)


def join(parts: Sequence[Feeds], size: int, pad: bool) -> Feeds:
    """The inputs of one run.

    Args:
        parts: of each request; all have the same names and dtypes.
        size: rows that the batch shall have; the surplus is filled with copies of a row.
        pad: make dimensions from 1 on as large as the largest.

    Raises:
        StatusError: the inputs do not fit together.
    """
    return {name: _join(name, [part[name] for part in parts], size, pad) for name in parts[0]}


def _join(name: str, arrays: list[np.ndarray], size: int, pad: bool) -> np.ndarray:
    if pad:
        arrays = _padded(arrays)
    if any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
        # TensorFlow takes "x" and "x:0" for the same tensor.
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"Tensors with name '{name.removesuffix(':0')}' from different tasks have different "
            "shapes and padding is turned off. Set pad_variable_length_inputs to true, or ensure "
            "that all tensors with the same name have equal dimensions starting with the first "
            "dim.",
        )
    missing = size - sum(map(len, arrays))
    with_rows = next((array for array in reversed(arrays) if len(array)), None)
    if missing and with_rows is not None:
        arrays = [*arrays, np.repeat(with_rows[:1], missing, axis=0)]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _padded(arrays: list[np.ndarray]) -> list[np.ndarray]:
    ranks = {array.ndim for array in arrays}
    if max(ranks) > _MAX_PADDED_RANK:
        raise invalid_argument("Only tensors with rank from 1 to 6 can be padded.")
    if len(ranks) > 1:
        return arrays
    shape = np.max([array.shape[1:] for array in arrays], axis=0, initial=0)
    return [_pad(array, tuple(map(int, shape))) for array in arrays]


def _pad(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of a larger shape; what is new holds the array's own first element, as TF Serving's."""
    if array.shape[1:] == shape:
        return array
    if not array.size:
        raise invalid_argument("Got empty tensor in batch of non-empty tensors.")
    padded = np.full((len(array), *shape), array.flat[0], array.dtype)
    padded[tuple(map(slice, array.shape))] = array
    return padded


def split(
    outputs: Sequence[np.ndarray], sizes: Sequence[int], batch_size: int
) -> list[list[np.ndarray]]:
    """Each request's part of the outputs; what is left at the end had filled the batch.

    Raises:
        StatusError: an output has no row for each row of the inputs.
    """
    for output in outputs:
        if output.ndim == 0:
            raise StatusError(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
        if len(output) != batch_size:
            raise StatusError(
                Code.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                "dimension sizes of the input tensors",
            )
    ends = np.cumsum(sizes)
    return [
        [output[end - size : end] for output in outputs]
        for size, end in zip(sizes, ends.tolist(), strict=True)
    ]
