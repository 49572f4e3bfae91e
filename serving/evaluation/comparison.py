"""Two evaluations of the same examples, paired: what differs, and whether that can be chance."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from preprocessing.errors import InputError
from serving.evaluation.intervals import distribution
from serving.evaluation.measures import Measure, value_of
from serving.evaluation.model import TEXT_CLASSIFIER
from serving.evaluation.output_files import METRICS
from serving.evaluation.question_evaluation import question_measures
from serving.evaluation.text_figures import WITHOUT_INTERVAL, TextScores, text_measures

RESAMPLES = 10_000
_AGAIN = "Evaluate again."
# Of evaluation.json, what a comparison reads.
_FIELDS = ("kind", "labels", "is_v2", "examples", "model", "date", "provenance", "input")


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """An output folder of `python -m serving.evaluate`.

    Attributes:
        folder: its path.
        about: the content of evaluation.json.
    """

    folder: pathlib.Path
    about: dict[str, Any]

    @property
    def examples_path(self) -> pathlib.Path:
        """Of the file with a line for each example."""
        return self.folder / "examples.jsonl"

    def lines(self) -> Iterator[dict[str, Any]]:
        """The examples in the order of the source, one at a time.

        Raises:
            InputError: they are not there, or are cut or damaged.
        """
        count = 0
        try:
            with self.examples_path.open(encoding="utf-8") as file:
                for count, text in enumerate(file, 1):
                    if count <= self.about["examples"]:
                        yield self._line(text, count)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.examples_path}: cannot be read ({error}). {_AGAIN}") from error
        if count != self.about["examples"]:
            raise InputError(
                f"{self.examples_path}: {count:,} lines, expected {self.about['examples']:,}, a "
                f"line for each example, as evaluation.json says. {_AGAIN}"
            )

    def _line(self, text: str, number: int) -> dict[str, Any]:
        is_classifier = self.about["kind"] == TEXT_CLASSIFIER
        needed = ("label", "probabilities") if is_classifier else ("answers", "exact", "f1")
        try:
            line = json.loads(text)
            for name in ("id", "predicted", "probability", *needed):
                line[name]
            if is_classifier and line["label"] not in self.about["labels"]:
                raise ValueError(f"the label {line['label']!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.examples_path}:{number}: cut or damaged ({error}), expected an example as "
                f"JSON. {_AGAIN}"
            ) from error
        return line


@dataclasses.dataclass(frozen=True)
class Difference:
    """A figure of both, and the second minus the first with its 95 % interval.

    Attributes:
        low, high: None for a figure that a bootstrap is biased in.
    """

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Discordance:
    """How often one is right where the other is not (McNemar 1947).

    Attributes:
        p_value: two-sided and exact: of the binomial distribution of the two counts, if each
            were as likely as the other.
    """

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p_value: float


def load(folder: pathlib.Path) -> Evaluated:
    """Reads what a folder says of its evaluation.

    Raises:
        InputError: it is not the output of one.
    """
    path = folder / "evaluation.json"
    if path.exists() and not (folder / METRICS).exists():
        raise InputError(
            f"{folder}: there is no {METRICS}, which is written last: the evaluation was stopped "
            f"before its end. {_AGAIN}"
        )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        for name in _FIELDS:
            about[name]
        about["input"]["examples_sha256"], about["input"]["source"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}), expected an output folder of "
            "`python -m serving.evaluate --output_dir …`."
        ) from error
    return Evaluated(folder, about)


def check_same_input(first: Evaluated, second: Evaluated) -> None:
    """Raises InputError unless both were asked the same examples in the same order."""
    for name in ("kind", "labels", "is_v2"):
        if first.about[name] != second.about[name]:
            raise InputError(
                f"{second.folder}: its {name} is {second.about[name]}, but that of {first.folder} "
                f"is {first.about[name]}: expected two models of one task."
            )
    found = [one.about["input"]["examples_sha256"] for one in (first, second)]
    if found[0] != found[1]:
        raise InputError(
            f"{second.folder}: asked other examples than {first.folder} (SHA-256 {found[1][:12]}… "
            f"and {found[0][:12]}…; {_asked(second)} and {_asked(first)}). Evaluate both with the "
            "same --input, --split and --limit."
        )


def _asked(evaluated: Evaluated) -> str:
    asked = evaluated.about["input"]
    return f"{evaluated.about['examples']} of {asked['source']}"


def differences(first: Evaluated, second: Evaluated) -> dict[str, Difference]:
    """Each figure that is a function of the single examples, by a paired bootstrap.

    Both models get the same resamples of the examples, so that what is easy or hard for both does
    not widen the interval.
    """
    pairs = [_measures(one) for one in (first, second)]
    count = first.about["examples"]
    names = [name for name in pairs[0] if name in pairs[1]]
    resampled = {
        f"{name} {which}": pairs[which][name]
        for name in names
        if name not in WITHOUT_INTERVAL
        for which in (0, 1)
    }
    drawn = distribution(resampled, count, RESAMPLES)
    result = {}
    for name in names:
        before, after = (value_of(pairs[which][name], count) for which in (0, 1))
        result[name] = Difference(before, after, after - before, *_interval(drawn, name))
    return result


def _interval(drawn: Mapping[str, np.ndarray], name: str) -> tuple[float | None, float | None]:
    if name in WITHOUT_INTERVAL:
        return None, None
    low, high = np.nanpercentile(drawn[f"{name} 1"] - drawn[f"{name} 0"], [2.5, 97.5])
    return float(low), float(high)


def _measures(evaluated: Evaluated) -> Mapping[str, Measure]:
    about = evaluated.about
    if about["kind"] != TEXT_CLASSIFIER:
        rows = ((e["exact"], e["f1"], bool(e["answers"])) for e in evaluated.lines())
        exact, f1, has_answer = np.fromiter(rows, np.dtype((float, 3)), about["examples"]).T
        return question_measures(exact, f1, has_answer, about["is_v2"])
    number = {label: place for place, label in enumerate(about["labels"])}
    shape = np.dtype((float, len(number) + 1))
    lines = ([number[e["label"]], *e["probabilities"]] for e in evaluated.lines())
    table = np.fromiter(map(tuple, lines), shape, about["examples"])
    return text_measures(TextScores(table[:, 0].astype(np.int64), table[:, 1:]))


def changes(first: Evaluated, second: Evaluated) -> Iterator[dict[str, Any]]:
    """The examples that the two answer otherwise, with both answers and which are right."""
    for one, other in zip(first.lines(), second.lines(), strict=True):
        if one["predicted"] != other["predicted"]:
            shown = ("id", "text", "question", "label", "answers")
            entry: dict[str, Any] = {name: one[name] for name in shown if name in one}
            for which, line in (("first", one), ("second", other)):
                entry[which] = line["predicted"]
                entry[f"{which}_probability"] = line["probability"]
                entry[f"{which}_right"] = is_right(line)
            yield entry


def is_right(line: Mapping[str, Any]) -> bool:
    """Whether the label is the right one, or the answer matches an annotated one."""
    return bool(line["exact"]) if "exact" in line else line["label"] == line["predicted"]


def discordance(first: Evaluated, second: Evaluated) -> Discordance:
    """Counts who is right where."""
    counts = {(one, other): 0 for one in (True, False) for other in (True, False)}
    for one, other in zip(first.lines(), second.lines(), strict=True):
        counts[is_right(one), is_right(other)] += 1
    only_first, only_second = counts[True, False], counts[False, True]
    p_value = mcnemar(only_first, only_second)
    return Discordance(counts[True, True], only_first, only_second, counts[False, False], p_value)


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of counts as far apart as these, or farther, from a fair coin."""
    total = only_first + only_second
    if total == 0:
        return 1.0
    log_half = total * math.log(2)
    tail = sum(
        math.exp(
            math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) - log_half
        )
        for k in range(min(only_first, only_second) + 1)
    )
    return min(1.0, 2 * tail)
