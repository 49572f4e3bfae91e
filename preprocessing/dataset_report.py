"""What `info.json` says of a data set, as tables and warnings for people."""

import pathlib
from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from preprocessing.dataset_info import DatasetInfo, SplitInfo
from preprocessing.errors import InputError
from preprocessing.lengths import bucket_counts, quantile
from preprocessing.statistics import SPLITS, length_bin

RARE_LABEL = 0.1  # share of a split's examples
MANY_CUT = 0.1  # share of a split's records
MAX_ROWS = 20  # of labels or sources

_EXAMPLES = {"imdb": "texts", "squad": "questions"}


def ordered_splits(info: DatasetInfo) -> dict[str, SplitInfo]:
    """The splits as people name them: train, validation, test."""
    return {name: info.splits[name] for name in (*SPLITS, *info.splits) if name in info.splits}


def check_counts(info: DatasetInfo, data_dir: pathlib.Path) -> None:
    """Checks that the counts add up before any of them is shown.

    Raises:
        InputError: they contradict each other.
    """
    sums = {"read": (info.read, _examples(info) + sum(info.rejected.values()))}
    for name, split in info.splits.items():
        sums[f"{name}: records"] = (split.records, sum(split.length_histogram.values()))
    for what, (found, expected) in sums.items():
        if found != expected or not found:
            raise InputError(
                f"{data_dir}: info.json has {what} {found}, expected the {expected} that its other "
                "counts add up to, and at least 1. Run the preprocessing again."
            )


def _examples(info: DatasetInfo) -> int:
    return sum(split.examples for split in info.splits.values())


def tables(info: DatasetInfo, data_dir: pathlib.Path) -> Iterator[RenderableType]:
    """The whole report but the warnings, part by part."""
    splits = ordered_splits(info)
    yield _facts(info, data_dir)
    yield _splits_table(info, splits)
    yield _buckets_table(splits)
    if any(split.labels for split in splits.values()):
        yield _labels_table(splits)
    if info.rejected:
        yield _rejected_table(info)


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, overflow="fold")
    for header in numbers:
        table.add_column(header, justify="right")
    return table


def _splits_table(info: DatasetInfo, splits: Mapping[str, SplitInfo]) -> Table:
    table = _table("splits", "", *splits)
    columns = splits.values()
    table.add_row(_EXAMPLES[info.task], *(f"{split.examples:,}" for split in columns))
    table.add_row("records", *(f"{split.records:,}" for split in columns))
    table.add_row("tokens", *(f"{split.tokens:,}" for split in columns), end_section=True)
    means = (f"{split.tokens / split.records:.1f}" for split in columns)
    table.add_row("mean tokens a record", *means)
    for name, share in {"median": 0.5, "90th percentile": 0.9, "longest": 1.0}.items():
        ends = (f"≤ {quantile(split.length_histogram, share)}" for split in columns)
        table.add_row(name, *ends)
    return table


def _buckets_table(splits: Mapping[str, SplitInfo]) -> Table:
    table = _table("records by bucket", "tokens", *splits)
    counts = [bucket_counts(split.length_histogram) for split in splits.values()]
    for bucket in max(counts, key=len):
        of_splits = [of_split.get(bucket, 0) for of_split in counts]
        if any(of_splits):
            totals = (split.records for split in splits.values())
            table.add_row(bucket, *map(_counted, of_splits, totals))
    return table


def _labels_table(splits: Mapping[str, SplitInfo]) -> Table:
    table = _table("examples by label", "label", *splits)
    labels = _labels(splits)
    for label in labels[:MAX_ROWS]:
        shown = [_counted(split.labels.get(label, 0), split.examples) for split in splits.values()]
        table.add_row(Text(printable(label)), *shown)
    if len(labels) > MAX_ROWS:
        table.add_row(f"{len(labels) - MAX_ROWS} more", *("" for _ in splits))
    return table


def _labels(splits: Mapping[str, SplitInfo]) -> list[str]:
    """Those of all splits, the most frequent first."""
    names = {label: None for split in splits.values() for label in split.labels}
    return sorted(
        names, key=lambda name: -sum(split.labels.get(name, 0) for split in splits.values())
    )


def _rejected_table(info: DatasetInfo) -> Group:
    table = _table("source records that were rejected", "reason", "records", "of all read")
    for reason, count in sorted(info.rejected.items(), key=lambda item: -item[1]):
        table.add_row(reason, f"{count:,}", percent(count / info.read))
    return Group(table, f"listed in {', '.join(info.rejected_files) or 'no file'}")


def _facts(info: DatasetInfo, data_dir: pathlib.Path) -> Table:
    casing = "uncased" if info.lowercase else "cased"
    rejected = sum(info.rejected.values())
    facts = {
        "data set": printable(str(data_dir)),
        "task": info.task,
        "sources": _sources(info.sources),
        "read": f"{info.read:,} source records, {rejected:,} of them rejected",
        "duplicates": _duplicates_in_words(info),
        "parameters": _listed(info.parameters),
        "vocabulary": f"{info.vocabulary_file}, {casing}",
        "versions": _listed(info.versions),
        "digest": info.digest,
    }
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(name, "bold"), Text(value))
    return table


def _listed(values: Mapping[str, object]) -> str:
    return "\n".join(f"{name} {value}" for name, value in values.items()) or "none"


def _sources(sources: Mapping[str, str]) -> str:
    lines = [f"{printable(path)} (SHA-256 {sha256[:8]}…)" for path, sha256 in sources.items()]
    more = [f"and {len(lines) - MAX_ROWS} more"] if len(lines) > MAX_ROWS else []
    return "\n".join(lines[:MAX_ROWS] + more) or "none"


def _duplicates_in_words(info: DatasetInfo) -> str:
    return "\n".join(line for kind in info.duplicates for line in _copies(info, kind)) or "none"


def _copies(info: DatasetInfo, kind: str) -> Iterator[str]:
    found = info.duplicates[kind]
    for split, count in found["within"].items():
        if count:
            yield f"{kind} repeated within {split}: {count:,}"
    for pair, count in found["between"].items():
        if count:
            yield f"{kind} {_shared(pair, count)}"
    if found["conflicting"]:
        yield f"{kind} {_conflicting(info.task, found['conflicting'])}"


def _shared(pair: str, count: int) -> str:
    return f"in both {' and '.join(pair.split('+'))}: {count:,}"


def _conflicting(task: str, count: int) -> str:
    return f"with different {'labels' if task == 'imdb' else 'first answers'}: {count:,}"


def warnings(info: DatasetInfo, data_dir: pathlib.Path) -> Iterator[str]:
    """What a data team would want to know before it trains on the data."""
    splits = ordered_splits(info)
    missing = [name for name in info.files() if not (data_dir / name).is_file()]
    if missing:
        yield f"{len(missing)} of {len(info.files())} files are not in {data_dir}: {_few(missing)}"
    if info.rejected:
        rejected = sum(info.rejected.values())
        yield f"{rejected:,} of {info.read:,} source records are rejected and in no split"
    yield from _duplicate_warnings(info)
    for name, split in splits.items():
        yield from _label_warnings(name, split, info.labels or _labels(splits))
    yield from _cut_warnings(info, splits)


def _duplicate_warnings(info: DatasetInfo) -> Iterator[str]:
    for kind, found in info.duplicates.items():
        for pair, count in found["between"].items():
            if count:
                yield f"{kind} {_shared(pair, count)}. Scores on these say nothing about new ones."
        if found["conflicting"]:
            yield f"{kind} {_conflicting(info.task, found['conflicting'])}"


def _label_warnings(name: str, split: SplitInfo, labels: list[str]) -> Iterator[str]:
    """Of many labels each is rare: then half of an equal share is the limit."""
    if not split.labels:
        return
    limit = min(RARE_LABEL, 0.5 / len(labels))
    shares = {label: split.labels.get(label, 0) / split.examples for label in labels}
    rare = [f"{printable(k)} ({percent(share)})" for k, share in shares.items() if share < limit]
    if rare:
        yield f"{name} has few examples of {_few(rare)}"


def _cut_warnings(info: DatasetInfo, splits: Mapping[str, SplitInfo]) -> Iterator[str]:
    """Of texts in the last bin it is not known which ones end there by themselves."""
    limit = info.parameters.get("max_seq_length")
    if info.task != "imdb" or not isinstance(limit, int):
        return
    bin_of_limit = str(length_bin(limit))
    shares = {
        name: split.length_histogram.get(bin_of_limit, 0) / split.records
        for name, split in splits.items()
    }
    cut = [f"{percent(share)} of {name}" for name, share in shares.items() if share >= MANY_CUT]
    if cut:
        yield f"texts are cut off at --max_seq_length {limit}: up to {_few(cut)}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _counted(count: int, total: int) -> str:
    return f"{count:,} {100 * count / total:6.1f} %"


def percent(share: float) -> str:
    """A share with three significant digits: "16.1 %"."""
    return f"{100 * share:.3g} %"


def printable(text: str) -> str:
    """A text that came from outside, without what would steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
