"""Windows over a long context and the answer's place in them, as in BERT's `run_squad.py`."""

import bisect
import dataclasses
from collections.abc import Sequence

# What `run_squad.py` splits words at (its `is_whitespace`), not all of Unicode's white space.
_WHITE_SPACE = frozenset(" \t\r\n\u202f")


@dataclasses.dataclass(frozen=True)
class TokenizedText:
    """WordPiece ids, and for each the slice `text[start:end]` it stands for."""

    text: str
    token_ids: list[int]
    starts: list[int]
    ends: list[int]


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
    words = word_spans(context.text)
    first_word = _word_at(words, answer_start)
    last_word = _word_at(words, answer_start + len(answer_text) - 1)
    if not 0 <= first_word <= last_word:
        return None
    found = " ".join(context.text[start:end] for start, end in words[first_word : last_word + 1])
    if " ".join(answer_text.split()) not in found:
        return None
    start_token = bisect.bisect_left(context.starts, words[first_word][0])
    end_token = bisect.bisect_left(context.starts, words[last_word][1]) - 1
    if start_token > end_token:
        return None
    return _tightest_equal_span(context.token_ids, start_token, end_token, list(answer_ids))


def word_spans(text: str) -> list[tuple[int, int]]:
    """The words of a text between white space, as (start, end) in characters."""
    spans, start = [], None
    for i, character in enumerate(text):
        if character in _WHITE_SPACE:
            if start is not None:
                spans.append((start, i))
            start = None
        elif start is None:
            start = i
    if start is not None:
        spans.append((start, len(text)))
    return spans


def _word_at(words: Sequence[tuple[int, int]], position: int) -> int:
    """The word at a character, or the last one before it; -1 before the first."""
    return bisect.bisect_right(words, position, key=lambda word: word[0]) - 1


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
