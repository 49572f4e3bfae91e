"""`python -m preprocessing.inspect data/imdb`: what is in a data set.

Prints its statistics, draws the lengths of its records, and shows records as text. It needs
neither Beam nor TensorFlow, and never reads more records than it shows or looks for.
"""

import argparse
import itertools
import os
import pathlib
import re
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from preprocessing import command_line, dataset_report
from preprocessing.dataset_info import DatasetInfo, load_info, sha256_of_file
from preprocessing.errors import InputError
from preprocessing.record_text import review_text, window_text
from preprocessing.records import place_of
from preprocessing.stored_records import StoredRecord, read_records
from preprocessing.vocabulary import load_vocabulary

PLOT_FILE = "lengths.png"  # in the data set's folder, where publishing leaves it alone
WIDTH_IN_FILES = 200  # characters; a long path is not cut
_SHARD_NUMBER = re.compile("-([0-9]+)-of-([0-9]+)")


def main(arguments: list[str]) -> None:
    """Inspects the data set that the arguments name."""
    flags = _parser().parse_args(arguments)
    data_dir = pathlib.Path(flags.data_dir)
    _check(flags)
    info = load_info(data_dir)
    dataset_report.check_counts(info, data_dir)
    splits = _chosen_splits(info, flags.split)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_IN_FILES
    if flags.id is not None:
        _show(console, info, data_dir, _records_of_id(info, data_dir, splits, flags.id))
        return
    _report(console, info, data_dir)
    if not flags.no_plot:
        _plot(console, info, flags.plot or data_dir / PLOT_FILE)
    if flags.records:
        records = itertools.islice(_records(info, data_dir, splits[0]), flags.records)
        _show(console, info, data_dir, records)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m preprocessing.inspect", description="Shows what is in a data set."
    )
    parser.add_argument("data_dir", metavar="DIR", help="its folder, the one with info.json")
    parser.add_argument(
        "--split", help="where to take records from; by default train, or all with --id"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--records", type=int, default=5, help="how many to show as text")
    shown.add_argument("--id", help="show just this review, or all windows of this question")
    plot = parser.add_mutually_exclusive_group()
    plot.add_argument(
        "--plot", type=pathlib.Path, metavar="FILE.png",
        help=f"where to draw the lengths of the records; by default DIR/{PLOT_FILE}",
    )  # fmt: skip
    plot.add_argument("--no_plot", action="store_true", help="do not draw them")
    command_line.add_verbose_flag(parser)
    return parser


def _check(flags: argparse.Namespace) -> None:
    if "://" in flags.data_dir:
        raise InputError(f"{flags.data_dir}: expected a local folder. Copy the data set to one.")
    if not os.path.isdir(flags.data_dir):
        raise InputError(
            f"{flags.data_dir}: no such folder, expected the --output_dir of "
            "`python -m preprocessing`."
        )
    if flags.records < 0:
        raise InputError(f"--records is {flags.records}, expected 0 or more.")
    if flags.plot and flags.plot.suffix != ".png":
        raise InputError(f"--plot is {flags.plot}, expected a file name that ends in .png.")


def _chosen_splits(info: DatasetInfo, split: str | None) -> list[str]:
    known = list(dataset_report.ordered_splits(info))
    if split is not None and split not in known:
        raise InputError(f"--split is {split!r}, expected one of {', '.join(known)}.")
    return known if split is None else [split]


def _report(console: Console, info: DatasetInfo, data_dir: pathlib.Path) -> None:
    for part in dataset_report.tables(info, data_dir):
        console.print(part)
        console.print()
    for warning in dataset_report.warnings(info, data_dir):
        console.print(Text(f"warning: {warning}", "bold yellow"), soft_wrap=True)


def _plot(console: Console, info: DatasetInfo, path: pathlib.Path) -> None:
    # It takes half a second to import, and not everybody wants the plot.
    from preprocessing import length_plot

    figure = length_plot.length_figure(info, dataset_report.ordered_splits(info))
    length_plot.write_plot(figure, path)
    console.print(Text(f"lengths of the records drawn in {path}"), soft_wrap=True)


def _records(info: DatasetInfo, data_dir: pathlib.Path, split: str) -> Iterator[StoredRecord]:
    for shard in info.splits[split].shards:
        yield from read_records(data_dir / shard)


def _records_of_id(
    info: DatasetInfo, data_dir: pathlib.Path, splits: list[str], wanted: str
) -> Iterator[StoredRecord]:
    """All records with an id, of the first shard that has it: one id's records stand together.

    Raises:
        InputError: there are none.
    """
    shards = [shard for split in splits for shard in info.splits[split].shards]
    # The shard that the id decides is looked through before the others.
    for shard in sorted(shards, key=lambda shard: not _may_hold(shard, wanted)):
        candidates = read_records(
            data_dir / shard, containing=wanted.encode("utf-8", "surrogatepass")
        )
        others_first = itertools.dropwhile(lambda record: record.id != wanted, candidates)
        found = itertools.takewhile(lambda record: record.id == wanted, others_first)
        for first in found:
            yield first
            yield from found
            return
    raise InputError(
        f"--id is {wanted!r}, expected the id of a record of the split {' or '.join(splits)}."
    )


def _may_hold(shard: str, wanted: str) -> bool:
    match = _SHARD_NUMBER.search(shard)
    return match is not None and place_of(wanted).shard % int(match[2]) == int(match[1])


def _show(
    console: Console, info: DatasetInfo, data_dir: pathlib.Path, records: Iterator[StoredRecord]
) -> None:
    vocabulary = _vocabulary(info, data_dir)
    for record in records:
        if info.task == "imdb":
            text = review_text(record, vocabulary, info.labels)
        else:
            text = window_text(record, vocabulary, console.is_terminal)
        console.print()
        console.print(text, soft_wrap=not console.is_terminal)  # in a file a text is one line


def _vocabulary(info: DatasetInfo, data_dir: pathlib.Path) -> list[str]:
    path = data_dir / info.vocabulary_file
    vocabulary = load_vocabulary(path)
    found = sha256_of_file(path)
    if found != info.vocabulary_sha256:
        raise InputError(
            f"{path}: its SHA-256 is {found[:16]}…, expected {info.vocabulary_sha256[:16]}…, that "
            "of info.json. Copy the whole data set, or run the preprocessing again."
        )
    return vocabulary


if __name__ == "__main__":
    command_line.run(main)
