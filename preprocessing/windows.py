"""Windows over a long context and the answer's place in them, as in BERT's `run_squad.py`."""

import bisect
import dataclasses
import re
from collections.abc import Sequence

from preprocessing.errors import InputError

# What `run_squad.py` splits words at (its `is_whitespace`), not all of Unicode's white space.
_WHITE_SPACE = " \t\r\n\u202f"
_SPACE, _WORD = re.compile(f"[{_WHITE_SPACE}]"), re.compile(f"[^{_WHITE_SPACE}]+")


@dataclasses.dataclass(frozen=True)
class WindowParameters:
    """Lengths in tokens, with the defaults of `run_squad.py`."""

    max_seq_length: int = 384  # [CLS] question [SEP] window [SEP]
    doc_stride: int = 128
    max_query_length: int = 64

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise InputError(f"--{name} is {value}, expected at least 1 token.")
        room = self.max_seq_length - self.max_query_length - 3
        if room < 1:
            raise InputError(
                f"--max_seq_length is {self.max_seq_length}, which leaves no room for context "
                f"beside --max_query_length {self.max_query_length} and 3 special tokens. "
                f"Expected at least {self.max_query_length + 4}."
            )


@dataclasses.dataclass(frozen=True)
class TokenizedText:
    """A context with its WordPiece ids, and where each starts in it."""

    text: str
    token_ids: list[int]
    starts: list[int]  # in characters


def cut_windows(num_tokens: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Windows that cover all tokens, as (start, end) with `end` exclusive.

    Each starts `stride` tokens (at most its length) after the one before; the last ends at
    `num_tokens`. No tokens, no windows.
    """
    windows, start = [], 0
    while start < num_tokens:
        end = min(start + size, num_tokens)
        windows.append((start, end))
        if end == num_tokens:
            break
        start += min(end - start, stride)
    return windows


def answer_token_span(
    context: TokenizedText, answer_start: int, answer_text: str, answer_ids: Sequence[int]
) -> tuple[int, int] | None:
    """The tokens of an answer: first the words it touches, then the tightest equal span in them.

    Args:
        context: the tokenised context.
        answer_start: of the answer in the context, in characters.
        answer_text: the answer as annotated.
        answer_ids: its WordPiece ids.

    Returns:
        First and last token (inclusive), or None where `run_squad.py` skips the question: the
        annotated text does not stand in the words there, or those words have no token.
    """
    first_word = _word_at(context.text, answer_start)
    last_word = _word_at(context.text, answer_start + len(answer_text) - 1)
    if first_word is None or last_word is None or last_word < first_word:
        return None
    found = " ".join(_WORD.findall(context.text, first_word[0], last_word[1]))
    if " ".join(answer_text.split()) not in found:
        return None
    start_token = bisect.bisect_left(context.starts, first_word[0])
    end_token = bisect.bisect_left(context.starts, last_word[1]) - 1
    if start_token > end_token:
        return None
    return _tightest_equal_span(context.token_ids, start_token, end_token, list(answer_ids))


def _word_at(text: str, position: int) -> tuple[int, int] | None:
    """The word at a character, or the last one before it, as (start, end); None before the first.

    Words stand between white space.
    """
    inside = len(text[: position + 1].rstrip(_WHITE_SPACE))  # just after a character of the word
    if not inside:
        return None
    start = text.rfind(" ", 0, inside) + 1
    for other in _SPACE.finditer(text, start, inside):
        start = other.end()
    space = _SPACE.search(text, inside)
    return start, space.start() if space else len(text)


def _tightest_equal_span(
    token_ids: list[int], start: int, end: int, answer_ids: list[int]
) -> tuple[int, int]:
    """The first span within [start, end] that has the answer's tokens, else [start, end] itself."""
    length = len(answer_ids)
    for new_start in range(start, end - length + 2):
        if length and token_ids[new_start : new_start + length] == answer_ids:
            return new_start, new_start + length - 1
    return start, end


def window_label(
    answer_span: tuple[int, int] | None, window: tuple[int, int], context_offset: int
) -> tuple[int, int]:
    """The answer's place in one window's `token_ids`.

    Args:
        answer_span: first and last context token of the answer; None for no answer.
        window: (start, end) in context tokens.
        context_offset: tokens before the window's first: `[CLS]`, the question, `[SEP]`.

    Returns:
        (start_token, end_token), both inclusive; (0, 0), the `[CLS]`, when the window does not
        hold the whole answer.
    """
    if answer_span is None or answer_span[0] < window[0] or answer_span[1] >= window[1]:
        return 0, 0
    shift = context_offset - window[0]
    return answer_span[0] + shift, answer_span[1] + shift
