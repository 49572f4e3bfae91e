"""Raw text to rows for `benchmarks.pytorch_training`, with Hugging Face's own tokenizers.

Imports nothing of Bertline, so that the peer stands alone; and no PyTorch.
"""

import bisect
import dataclasses
import json
import pathlib
import re
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

# As in BERT's `run_squad.py`, in tokens.
DOC_STRIDE = 128
MAX_QUERY_LENGTH = 64

_REVIEW_PATH = re.compile(r"(?:^|/)aclImdb/((train|test)/(pos|neg)/\d+_\d+)\.txt$")


@dataclasses.dataclass(frozen=True)
class Row:
    """What the model gets: a review, or a question with a window of its context.

    Attributes:
        token_ids: [CLS] review [SEP], or [CLS] question [SEP] window [SEP].
        segment_ids: 1 from the window on.
        labels: (label,) of a review; (start_token, end_token), inclusive, of a window.
    """

    token_ids: list[int]
    segment_ids: list[int]
    labels: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Window(Row):
    """A row that answers are read from.

    Attributes:
        id: of the question.
        context: the whole context.
        first: place of the window's first context token in `token_ids`.
        offsets: (start, end) in characters of `context` of each token in the window.
        is_max_context: whether no other window shows more on both sides of the token.
    """

    id: str
    context: str
    first: int
    offsets: Sequence[tuple[int, int]]
    is_max_context: Sequence[bool]


def read_reviews(path: str, split: str) -> list[tuple[str, int, str]]:
    """The reviews of a split as (id, label, text), sorted by id.

    Args:
        path: a folder with aclImdb in it, or a tar file of it.
        split: "train" or "test".
    """
    files = _folder_files if pathlib.Path(path).is_dir() else _tar_files
    reviews = [
        (match[1], int(match[3] == "pos"), content.decode())
        for name, content in files(path)
        if (match := _REVIEW_PATH.search(name)) and match[2] == split
    ]
    return sorted(reviews)


def _folder_files(path: str) -> Iterator[tuple[str, bytes]]:
    for file in pathlib.Path(path).rglob("*.txt"):
        yield file.absolute().as_posix(), file.read_bytes()


def _tar_files(path: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file:
                yield member.name, file.read()


def review_rows(path: str, split: str, tokenizer: Any, max_seq_length: int) -> list[Row]:
    """`[CLS] review [SEP]` of each review; of longer ones the end is left out.

    Args:
        path: as in `read_reviews`.
        split: "train" or "test".
        tokenizer: a `tokenizers.BertWordPieceTokenizer`.
        max_seq_length: in tokens.
    """
    reviews = read_reviews(path, split)
    tokenizer.enable_truncation(max_seq_length)
    encodings = tokenizer.encode_batch([text for _, _, text in reviews])
    tokenizer.no_truncation()
    return [
        Row(encoding.ids, encoding.type_ids, (label,))
        for encoding, (_, label, _) in zip(encodings, reviews, strict=True)
    ]


def window_rows(path: str, tokenizer: Any, max_seq_length: int) -> list[Window]:
    """The windows of each question of a SQuAD file, with its first answer, as `run_squad.py` cuts.

    Args:
        path: SQuAD JSON.
        tokenizer: a `tokenizers.BertWordPieceTokenizer`.
        max_seq_length: in tokens.
    """
    document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    return [
        window
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for window in _paragraph_windows(paragraph, tokenizer, max_seq_length)
    ]


def _paragraph_windows(
    paragraph: dict[str, Any], tokenizer: Any, max_seq_length: int
) -> Iterator[Window]:
    text = paragraph["context"]
    context = tokenizer.encode(text, add_special_tokens=False)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    for entry in paragraph["qas"]:
        question = tokenizer.encode(entry["question"], add_special_tokens=False)
        before = [cls, *question.ids[:MAX_QUERY_LENGTH], sep]
        answer = next(iter(entry.get("answers", ())), None)
        span = answer_tokens(context.offsets, answer) if answer else None
        cuts = cut_windows(len(context.ids), max_seq_length - len(before) - 1, DOC_STRIDE)
        for start, end in cuts:
            yield Window(
                token_ids=[*before, *context.ids[start:end], sep],
                segment_ids=[0] * len(before) + [1] * (end - start + 1),
                labels=label_in_window(span, (start, end), len(before)),
                id=entry["id"],
                context=text,
                first=len(before),
                offsets=context.offsets[start:end],
                is_max_context=[is_max_context(cuts, (start, end), i) for i in range(start, end)],
            )


def cut_windows(num_tokens: int, size: int, stride: int) -> list[tuple[int, int]]:
    """(start, end) in tokens, end exclusive, of windows that cover the context."""
    starts = range(0, max(1, num_tokens - size + stride), stride)
    return [(start, min(start + size, num_tokens)) for start in starts if start < num_tokens]


def is_max_context(cuts: Sequence[tuple[int, int]], window: tuple[int, int], position: int) -> bool:
    """Whether a window is the best of those that hold a token (`_check_is_max_context`).

    The score of a window is the smaller number of tokens to the left and to the right of the
    token, plus a hundredth of the window's length; the first of equals wins.
    """

    def score(cut: tuple[int, int]) -> float:
        return min(position - cut[0], cut[1] - 1 - position) + 0.01 * (cut[1] - cut[0])

    return max((cut for cut in cuts if cut[0] <= position < cut[1]), key=score) == window


def answer_tokens(
    offsets: Sequence[tuple[int, int]], answer: dict[str, Any]
) -> tuple[int, int] | None:
    """First and last token of the context that the answer touches, None where there is none."""
    start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
    first = bisect.bisect_right(offsets, start, key=lambda offset: offset[1])
    last = bisect.bisect_left(offsets, end, key=lambda offset: offset[0]) - 1
    return (first, last) if first <= last else None


def label_in_window(
    span: tuple[int, int] | None, window: tuple[int, int], first: int
) -> tuple[int, int]:
    """Places of an answer's first and last token in a window's row.

    (0, 0), the `[CLS]`, where the window does not hold all of it.
    """
    if span is None or span[0] < window[0] or span[1] >= window[1]:
        return 0, 0
    return span[0] - window[0] + first, span[1] - window[0] + first
