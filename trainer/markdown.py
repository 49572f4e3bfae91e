"""Markdown (CommonMark with GitHub's tables) from values that may hold any character."""

import re
from collections.abc import Iterable, Mapping, Sequence

from preprocessing.dataset_report import printable

# Of underscores all but those inside a word, which are no emphasis.
_SPECIAL = re.compile(r"([\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_]))")


def escaped(text: str) -> str:
    """A text that is shown as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A table of cells that are Markdown already; numbers of all columns but the first `texts`
    align."""
    rule = [*("---" for _ in header[:texts]), *("---:" for _ in header[texts:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def facts(values: Mapping[str, object]) -> str:
    """A table of two columns: name and value, both escaped. Values of None say "none"."""
    rows = [
        (escaped(name), "none" if value is None else escaped(str(value)))
        for name, value in values.items()
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def bullets(texts: Iterable[str]) -> str:
    """A list of texts, escaped."""
    return "\n".join(f"- {escaped(text)}" for text in texts)


def code_block(lines: Iterable[str]) -> str:
    """Lines as they are."""
    text = "\n".join(map(printable, lines))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
