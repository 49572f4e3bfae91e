"""`--max_rejected_fraction`: how much of a source a command may leave out before it fails."""

import argparse

from preprocessing.errors import InputError

DEFAULT = 0.01
_FLAG = "--max_rejected_fraction"


def add_flag(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds it; `what` says of what it is the share, and what happens above it."""
    parser.add_argument(
        _FLAG, type=float, default=DEFAULT, help=f"share of {what} (default %(default)s)"
    )


def check(value: float) -> None:
    """Raises InputError unless it is a share."""
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{_FLAG} is {value}, expected a share in [0, 1].")
