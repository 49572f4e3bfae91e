"""BERT vocabularies: `vocab.txt`, one token a line."""

import os
import pathlib

from preprocessing.errors import InputError

# The longest token that TF Text takes, in bytes of UTF-8 without "##".
_MAX_TOKEN_BYTES = 256
PAD, UNKNOWN, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"


def load_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    """Reads a BERT `vocab.txt`: one token a line, the line number is its id.

    Raises:
        InputError: no such file, not UTF-8, a token missing that BERT needs, one given twice, or
            one that is longer than TF Text takes.
    """
    try:
        tokens = pathlib.Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the vocabulary ({error.strerror}). Expected a BERT vocab.txt; "
            "`python -m preprocessing.fetch weights` brings one."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start}, expected a vocab.txt"
        ) from error
    missing = [token for token in (PAD, UNKNOWN, CLS, SEP) if token not in tokens]
    if missing:
        raise InputError(
            f"{path}: a vocabulary of {len(tokens)} tokens without {', '.join(missing)}, expected "
            "a BERT vocab.txt with one token a line."
        )
    if len(set(tokens)) < len(tokens):
        twice = next(token for i, token in enumerate(tokens) if token in tokens[:i])
        raise InputError(f"{path}: token {twice!r} stands there twice, expected each once.")
    longest = max(tokens, key=lambda token: len(token.encode()))
    if len(longest.encode()) > _MAX_TOKEN_BYTES:
        raise InputError(
            f"{path}: token {longest[:20]!r}… on line {tokens.index(longest) + 1} has "
            f"{len(longest.encode())} bytes, expected a vocab.txt of at most {_MAX_TOKEN_BYTES}."
        )
    return tokens
