"""`python -m serving.evaluate compare A B`: is the second better than the first?"""

import argparse
import dataclasses
import logging
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from preprocessing import command_line
from serving.evaluation.comparison import (
    RESAMPLES,
    Difference,
    Discordance,
    Evaluated,
    changes,
    check_same_input,
    differences,
    discordance,
    load,
)
from serving.evaluation.intervals import SEED
from serving.evaluation.output_files import COMPARISON, OutputFiles, output_files
from serving.evaluation.page import Page, text_table
from trainer.markdown import escaped, facts, table

logger = logging.getLogger(__name__)

MOST_CHANGES = 50  # of a kind, on the page; changed.jsonl has all


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    first, second = load(flags.first), load(flags.second)
    check_same_input(first, second)
    found, who = differences(first, second), discordance(first, second)
    for name, one in found.items():
        logger.info("%-18s %s", name, _line(one))
    logger.info("%s", _who_is_right(who))
    if flags.output_dir:
        with output_files(flags.output_dir, COMPARISON) as files:
            _write(files, (first, second), found, who)
        logger.info("read comparison.html in %s", flags.output_dir)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m serving.evaluate compare",
        description="Compares two evaluations of the same examples, paired.",
    )
    parser.add_argument("first", type=pathlib.Path, help="an output folder: the older version")
    parser.add_argument("second", type=pathlib.Path, help="another one: the newer version")
    parser.add_argument(
        "--output_dir", type=pathlib.Path, help="for a report and the changed answers"
    )
    command_line.add_verbose_flag(parser)
    return parser


def _line(one: Difference) -> str:
    interval = _interval(one) or "no interval"
    return f"{one.first:.4f} -> {one.second:.4f}  {one.difference:+.4f} ({interval})"


def _interval(one: Difference) -> str:
    """ "" where there is none."""
    if one.low is None or one.high is None:
        return ""
    return f"{one.low:+.4f} to {one.high:+.4f}"


def _is_beyond_chance(one: Difference) -> str:
    if one.low is None or one.high is None:
        return ""
    return "no" if one.low <= 0 <= one.high else "yes"


def _who_is_right(who: Discordance) -> str:
    return (
        f"only the first is right {who.only_first:,} times, only the second {who.only_second:,}; "
        f"both {who.both_right:,}, none {who.both_wrong:,}. McNemar's exact test: "
        f"p = {who.p_value:.3g}."
    )


def _write(
    files: OutputFiles,
    pair: tuple[Evaluated, Evaluated],
    found: Mapping[str, Difference],
    who: Discordance,
) -> None:
    models = {"first": pair[0].about["model"], "second": pair[1].about["model"]}
    content = {
        **models,
        "examples_sha256": pair[0].about["input"]["examples_sha256"],
        "differences": {name: dataclasses.asdict(one) for name, one in found.items()},
        "right": dataclasses.asdict(who),
    }
    files.json("comparison", content)
    shown, total = _write_changes(files, pair)
    page = Page("Comparison of two evaluations")
    page.add("# Comparison of two evaluations", facts(_facts(pair)))
    page.add_contents()
    page.add("## Figures", *_figures(found), escaped(_who_is_right(who)))
    page.add(f"## Changed answers\n\n{total:,} answers differ; changed.jsonl has all of them.")
    for title, entries in shown.items():
        if entries:
            page.add(f"### {title}", _table(entries))
    page.write(files, "comparison")


def _facts(pair: tuple[Evaluated, Evaluated]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for which, evaluated in zip(("first", "second"), pair, strict=True):
        about = evaluated.about
        values |= {which: about["model"], f"{which}, evaluated on": about["date"]}
        values[f"{which}, run"] = about["provenance"].get("run_dir")
    asked = pair[0].about["input"]
    examples = f"{pair[0].about['examples']:,} of {asked['source']}"
    return values | {"examples": examples, "SHA-256": asked["examples_sha256"]}


def _figures(found: Mapping[str, Difference]) -> Iterator[str]:
    rows = [
        (
            escaped(name),
            *(f"{one.first:.4f}", f"{one.second:.4f}", f"{one.difference:+.4f}"),
            _interval(one),
            _is_beyond_chance(one),
        )
        for name, one in found.items()
    ]
    header = ("figure", "first", "second", "difference", "95 % interval", "beyond chance")
    yield table(header, rows)
    yield (
        f"The interval is of a paired percentile bootstrap: {RESAMPLES:,} resamples of the "
        f"examples, the same for both, seed {SEED}. Beyond chance: 0 is not in it; of many figures "
        "one in twenty is by chance alone."
    )
    if any(one.low is None for one in found.values()):
        yield "A calibration error has none: resamples, which repeat examples, would widen it."


def _write_changes(
    files: OutputFiles, pair: tuple[Evaluated, Evaluated]
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """The first of each kind for the page, and how many there are."""
    lines, total = files.lines("changed"), 0
    shown: dict[str, list[dict[str, Any]]] = {"Lost": [], "Won": [], "Both wrong, otherwise": []}
    for entry in changes(*pair):
        lines.add(entry)
        total += 1
        kind = {(True, False): "Lost", (False, True): "Won", (False, False): list(shown)[-1]}.get(
            (entry["first_right"], entry["second_right"])
        )
        if kind and len(shown[kind]) < MOST_CHANGES:
            shown[kind].append(entry)
    lines.end()
    return shown, total


def _table(entries: list[dict[str, Any]]) -> str:
    asked = "text" if "text" in entries[0] else "question"
    gold = "label" if "label" in entries[0] else "answers"
    rows = []
    for entry in entries:
        wanted = entry[gold]
        if isinstance(wanted, list):
            wanted = " / ".join(dict.fromkeys(wanted)) or "(none)"
        answers = [
            f"{escaped(entry[which]) or '(none)'} ({entry[f'{which}_probability']:.3f})"
            for which in ("first", "second")
        ]
        rows.append((escaped(entry["id"]), escaped(entry[asked]), escaped(wanted), *answers))
    return text_table(("id", asked, gold, "first", "second"), rows)
