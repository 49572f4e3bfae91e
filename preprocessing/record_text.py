"""Records decoded back to text by the vocabulary, with the answer marked."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from preprocessing.dataset_report import printable
from preprocessing.errors import InputError
from preprocessing.stored_records import StoredRecord

SUFFIX = "##"  # marks a token that goes on the word before it
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_NO_ANSWER = range(0)


def review_text(record: StoredRecord, vocabulary: Sequence[str], labels: Sequence[str]) -> Text:
    """A record of the task "imdb" as a person reads it.

    Args:
        record: as it is stored.
        vocabulary: tokens in the order of their ids.
        labels: names in the order of their numbers; the number is shown where there is none.

    Raises:
        InputError: a field is not there, or cannot be right.
    """
    tokens = _tokens(record, vocabulary)
    number = record.integer("label")
    label = labels[number] if number in range(len(labels)) else str(number)
    text = _head(record, f"label {printable(label)}", f"{len(tokens)} tokens")
    return text.append("\n  ").append_text(_joined(tokens, _NO_ANSWER, False))


def window_text(record: StoredRecord, vocabulary: Sequence[str], in_terminal: bool) -> Text:
    """A record of the task "squad", question and context apart.

    Args:
        record: as it is stored.
        vocabulary: tokens in the order of their ids.
        in_terminal: whether the answer is marked by its look; else it stands in [[ ]].

    Raises:
        InputError: a field is not there, or cannot be right.
    """
    tokens = _tokens(record, vocabulary)
    context_start = record.integers("segment_ids").count(0)
    answer, said = _answer(record, len(tokens))
    window = f"window {record.integer('window')}"
    text = _head(record, window, f"{len(tokens)} tokens", said)
    text.append("\n  question  ", "dim")
    text.append_text(_joined(tokens[:context_start], _NO_ANSWER, in_terminal))
    text.append("\n  context   ", "dim")
    shifted = range(answer.start - context_start, answer.stop - context_start)
    return text.append_text(_joined(tokens[context_start:], shifted, in_terminal))


def _head(record: StoredRecord, *facts: str) -> Text:
    text = Text().append(printable(record.id), "bold")
    return text.append("".join(f"  {fact}" for fact in facts))


def _tokens(record: StoredRecord, vocabulary: Sequence[str]) -> list[str]:
    token_ids = record.integers("token_ids")
    strange = [number for number in token_ids if number not in range(len(vocabulary))]
    if strange:
        raise InputError(
            f"{record.place}: token id {strange[0]}, expected 0 to {len(vocabulary) - 1}, the ids "
            "of the vocabulary. Run the preprocessing again."
        )
    return [vocabulary[number] for number in token_ids]


def _answer(record: StoredRecord, num_tokens: int) -> tuple[range, str]:
    """The answer's tokens, and what to say of them."""
    start, end = record.integer("start_token"), record.integer("end_token")
    if record.integer("is_impossible"):
        return _NO_ANSWER, "no answer in the context"
    if start == end == 0:
        return _NO_ANSWER, "the answer is not in this window"
    if not 0 < start <= end < num_tokens:
        raise InputError(
            f"{record.place}: the answer's tokens are {start} to {end}, expected a place in "
            f"{num_tokens} tokens. Run the preprocessing again."
        )
    return range(start, end + 1), f"answer in tokens {start} to {end}"


def _joined(tokens: Iterable[str], answer: range, in_terminal: bool) -> Text:
    """Words between spaces; pieces of a word that was cut are joined."""
    before, after, look = ("", "", "bold reverse") if in_terminal else ("[[", "]]", "")
    text = Text()
    for place, token in enumerate(tokens):
        inside = place in answer
        is_piece = place > 0 and token.startswith(SUFFIX)
        if place > 0 and not is_piece:
            text.append(" ", look if inside and place > answer.start else "")
        if inside and place == answer.start:
            text.append(before)
        piece = printable(token.removeprefix(SUFFIX) if is_piece else token)
        text.append(piece, look if inside else "dim" if token in _SPECIAL else "")
        if inside and place == answer.stop - 1:
            text.append(after)
    return text
