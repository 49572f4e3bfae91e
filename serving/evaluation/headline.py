"""The top of a report: which model it is of, and the figures that one looks for first."""

from collections.abc import Mapping
from typing import Any

from serving.evaluation.model import TEXT_CLASSIFIER
from serving.evaluation.result import Result
from trainer.markdown import escaped

_NAMES = {
    "accuracy": "accuracy",
    "f1": "F1",
    "macro_f1": "macro F1",
    "roc_auc": "ROC AUC",
    "calibration_error": "calibration error",
    "exact_match": "exact match",
    "exact": "exact match",
    "HasAns_f1": "F1, with an answer",
    "NoAns_f1": "F1, without one",
}
_OF_TEXTS = ("accuracy", "macro_f1", "f1", "roc_auc", "calibration_error")
_OF_QUESTIONS = ("f1", "exact_match", "exact", "HasAns_f1", "NoAns_f1")


def title_of(about: Mapping[str, Any]) -> str:
    """Task, model and version, as plain text."""
    return f"{about['kind'].capitalize()}: {model_of(about)}"


def model_of(about: Mapping[str, Any]) -> str:
    """ "qa, version 3": an export by its folders, a server's model by its name there."""
    known = about["provenance"]
    name = known.get("model") or about["model"].rpartition(" ")[2]
    version = known.get("version")
    return f"{name}, version {version}" if version else name


def summary(about: Mapping[str, Any]) -> str:
    """What was asked, of what, and when."""
    what = "texts" if about["kind"] == TEXT_CLASSIFIER else "questions"
    asked = about["input"]
    of_split = f", split {asked['split']}" if asked.get("split") else ""
    dtype = about["provenance"].get("dtype")
    in_dtype = f" (in {dtype})" if dtype else ""
    date = about["date"][:16].replace("T", " ")  # UTC, to the minute
    return escaped(
        f"{about['model']}{in_dtype}, asked {about['examples']:,} {what} of "
        f"{asked['source']}{of_split} on {date} UTC, in {about['seconds']:,.1f} s "
        f"({about['examples_per_second']:,.1f}/s)."
    )


def headline(result: Result, about: Mapping[str, Any]) -> str:
    """A table of the first figures, each with its 95 % interval."""
    is_classifier = about["kind"] == TEXT_CLASSIFIER
    digits = 3 if is_classifier else 2  # shares, or percent
    rows = [("", "", "95 % interval"), ("---", "---", "---")]
    for name in _OF_TEXTS if is_classifier else _OF_QUESTIONS:
        if name in result.metrics:
            interval = _interval(result, name, digits)
            rows.append((_NAMES[name], f"**{result.metrics[name]:.{digits}f}**", interval))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _interval(result: Result, name: str, digits: int) -> str:
    """ "" where there is none."""
    if name not in result.intervals:
        return ""
    low, high = result.intervals[name]
    return f"{low:.{digits}f} to {high:.{digits}f}"
