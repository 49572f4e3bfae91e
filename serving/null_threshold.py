"""The no-answer threshold of an export, and where it comes from."""

from collections.abc import Mapping
from typing import Any

from preprocessing.errors import InputError

_MEASURE = "validation_best_f1_threshold"  # of a line of history.jsonl


def choose_threshold(
    config: Mapping[str, Any], line: Mapping[str, Any], asked: float | None
) -> tuple[float | None, str | None]:
    """The no-answer threshold, and where it comes from: "flag", "validation" or "default".

    Args:
        config: of the run.
        line: of history.jsonl, of the epoch whose weights are exported.
        asked: by the flag.

    Returns:
        None, None for a model that always answers.

    Raises:
        InputError: it was asked for where it means nothing.
    """
    if config["task"] == "imdb" or not config["has_unanswerable"]:
        if asked is not None:
            raise InputError(
                f"--null_score_diff_threshold is {asked}, but the run was trained on "
                f"{config['task']} data without unanswerable questions, so its null score means "
                "nothing. Leave the flag out."
            )
        return None, None
    if asked is not None:
        return asked, "flag"
    if _MEASURE in line:
        return float(line[_MEASURE]), "validation"
    return 0.0, "default"
