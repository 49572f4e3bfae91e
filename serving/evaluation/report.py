"""report.md and report.html: what an evaluation found, for a person who has only this page."""

import collections
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from serving.evaluation.calibration import BINS
from serving.evaluation.headline import headline, summary, title_of
from serving.evaluation.intervals import RESAMPLES, SEED
from serving.evaluation.model import TEXT_CLASSIFIER
from serving.evaluation.output_files import OutputFiles
from serving.evaluation.page import Page, text_table
from serving.evaluation.pictures import png_of, reliability_figure, slices_figure
from serving.evaluation.result import Result
from trainer.markdown import escaped, facts, table

MOST_LABELS = 20  # in the confusion matrix of the page; details.json has all
_HEADS = {"accuracy": "accuracy", "exact": "exact match", "f1": "F1"}


def write_report(files: OutputFiles, result: Result, about: Mapping[str, Any]) -> None:
    """Writes the page and its pictures."""
    page = Page(title_of(about))
    page.add(f"# {escaped(page.title)}", headline(result, about), summary(about))
    page.add_contents()
    page.add("## Figures", _metrics(result), *_notes(result, about))
    _add_slices(page, result, about)
    _add_calibration(page, result, about)
    if result.extra.get("classes"):
        page.add("## Labels", *_classes(result))
    page.add("## Most wrong", *_most_wrong(result, about))
    page.add("## Where it comes from", facts(_provenance(about)))
    page.write(files, "report")


def number(value: float, name: str = "") -> str:
    """A figure as a person reads it."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if name.endswith("thresh") else f"{value:.4f}"


def _metrics(result: Result) -> str:
    rows = []
    for name, value in result.metrics.items():
        interval = ""
        if name in result.intervals:
            low, high = result.intervals[name]
            interval = f"{low:.4f} to {high:.4f}"
        rows.append((escaped(name), number(value, name), interval))
    return table(("figure", "value", "95 % interval"), rows)


def _notes(result: Result, about: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Intervals are of a percentile bootstrap over the examples ({RESAMPLES:,} resamples, "
        f"seed {SEED})."
    )
    if about["rejected"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in about["rejected"].items())
        yield escaped(f"Left out: {reasons}.")
    if about["kind"] == TEXT_CLASSIFIER:
        if len(about["labels"]) == 2:
            yield escaped(
                f"Precision, recall, F1 and the areas are of the label {about['labels'][1]}, which "
                "is predicted from a probability of 0.5 on."
            )
            if "roc_auc" not in result.metrics:
                yield "All texts have one label: there is no ROC curve."
    elif about["is_v2"]:
        yield (
            "Scores are in percent, as by the official SQuAD v2.0 script on predictions.json; "
            "best\\_exact and best\\_f1, with their thresholds, as by the same on "
            "span\\_predictions.json with null\\_odds.json."
        )
    else:
        yield "Scores are in percent, as by the official SQuAD v1.1 script on predictions.json."


def _add_slices(page: Page, result: Result, about: Mapping[str, Any]) -> None:
    is_classifier = about["kind"] == TEXT_CLASSIFIER
    names = ("accuracy",) if is_classifier else ("exact", "f1")
    page.add("## Slices")
    slices, name = _telling(result.slices), names[-1]
    says = f"{_HEADS[name]} of each slice with its interval; the table has the numbers"
    page.add_picture("slices.png", says, png_of(slices_figure(slices, name, _HEADS[name])))
    header = ["sliced by", "slice"]
    for one in names:
        header += [_HEADS[one], "95 % interval"]
    header.append("texts" if is_classifier else "questions")
    page.add(table(header, [_slice_row(part, names) for part in slices], texts=2))
    shares = "accuracy" if is_classifier else "exact match"
    method = f"Intervals of {shares} are Wilson's"
    if not is_classifier:
        method += "; those of F1 a percentile bootstrap"
    page.add(f"{method}. Lengths are in characters.")


def _telling(slices: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of dimensions that part the examples at all; the first dimension in any case."""
    counts = collections.Counter(one["slice"] for one in slices)
    return [one for one in slices if counts[one["slice"]] > 1 or one["slice"] == slices[0]["slice"]]


def _slice_row(part: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    digits = 4 if names == ("accuracy",) else 2  # shares, or percent
    row = [escaped(part["slice"]), escaped(part["name"])]
    for name in names:
        figure = part[name]
        value, low, high = (f"{figure[key]:.{digits}f}" for key in ("value", "low", "high"))
        row += [value, f"{low} to {high}"]
    return [*row, f"{part['count']:,}"]


def _add_calibration(page: Page, result: Result, about: Mapping[str, Any]) -> None:
    right = "accuracy" if about["kind"] == TEXT_CLASSIFIER else "exact match"
    page.add("## Calibration")
    says = f"{right} over the probability, in {BINS} bins; the table has the numbers"
    page.add_picture("reliability.png", says, png_of(reliability_figure(result.reliability, right)))
    total = sum(one["count"] for one in result.reliability)
    error = sum(
        one["count"] * abs(one["confidence"] - one["accuracy"])
        for one in result.reliability
        if one["count"]
    )
    page.add(
        f"The expected calibration error is {error / total:.4f}: the gap between the probability "
        f"of the answer that was given and {right}, over {BINS} bins of equal width, weighted by "
        "their answers (Guo et al. 2017)."
    )
    rows = [
        (
            f"{one['lower']:.3f} to {one['upper']:.3f}",
            *(f"{one['count']:,}", f"{one['confidence']:.4f}", f"{one['accuracy']:.4f}"),
        )
        for one in result.reliability
        if one["count"]
    ]
    page.add(table(("probability", "answers", "mean probability", right), rows))


def _classes(result: Result) -> Iterator[str]:
    header = ("label", "texts", "precision", "recall", "F1")
    rows = [
        (
            escaped(one["label"]),
            f"{one['count']:,}",
            *(number(one[name]) for name in ("precision", "recall", "f1")),
        )
        for one in result.extra["classes"]
    ]
    yield table(header, rows)
    matrix = result.extra["confusion_matrix"]
    labels = [escaped(one["label"]) for one in result.extra["classes"]]
    if len(labels) > MOST_LABELS:
        yield f"The confusion matrix of {len(labels)} labels is in details.json."
        return
    yield "Rows are the right labels, columns the predicted ones:"
    counts = [
        (label, *(f"{count:,}" for count in row)) for label, row in zip(labels, matrix, strict=True)
    ]
    yield table(("right label", *labels), counts)


def _most_wrong(result: Result, about: Mapping[str, Any]) -> Iterator[str]:
    if not result.most_wrong:
        yield "Nothing is wrong."
        return
    header: tuple[str, ...]
    if about["kind"] == TEXT_CLASSIFIER:
        yield "The errors with the highest probability."
        header = ("id", "label", "predicted", "probability", "text")
    else:
        yield "The answers that share no word with an annotated one, highest probability first."
        header = ("id", "question", "answers", "predicted", "probability", "context")
    yield text_table(header, [_wrong_row(entry, header) for entry in result.most_wrong])


def _wrong_row(entry: Mapping[str, Any], header: Sequence[str]) -> list[str]:
    return [_cell(entry[name]) for name in header]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        value = " / ".join(dict.fromkeys(value)) or "(none)"
    return escaped(value) or "(none)"


def _provenance(about: Mapping[str, Any]) -> dict[str, Any]:
    values = {**about["input"], **about["provenance"]}
    values |= {f"evaluated with {name}": value for name, value in about["versions"].items()}
    return {
        name.replace("_", " "): json.dumps(value) if isinstance(value, dict) else value
        for name, value in values.items()
    }
