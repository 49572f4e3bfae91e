"""Versions, prunings and differences as a person reads them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from serving.registry.diff import Difference
from serving.registry.model import Version
from serving.registry.prune import Plan

# Those that say most about a model come first; the rest is in --json.
_TOLD = ("f1", "exact_match", "exact", "accuracy", "macro_f1", "roc_auc", "loss")
_MAX_TOLD = 3


def versions_table(name: str, versions: Sequence[Version]) -> Table:
    """A row for each version, the newest first."""
    table = _table(name, "version", "date (UTC)", "dtype", "task", "metrics", "size", "labels")
    for version in reversed(versions):
        table.add_row(
            str(version.number),
            version.created[:16].replace("T", " "),
            version.dtype or "",
            version.task or "",
            "provenance.json cannot be read" if version.note else told_metrics(version.metrics),
            size_text(version.size),
            ", ".join(version.labels),
        )
    return table


def version_json(version: Version) -> dict[str, Any]:
    """A version as plain values."""
    return {
        "version": version.number,
        "created": version.created,
        "dtype": version.dtype,
        "task": version.task,
        "metrics": dict(version.metrics),
        "size_bytes": version.size,
        "labels": list(version.labels),
        "note": version.note,
    }


def told_metrics(metrics: Mapping[str, float]) -> str:
    """The few figures that say most: validation before training."""
    names = [name for word in _TOLD for name in metrics if _last_word(name) == word]
    names.sort(key=lambda name: name.startswith("train_"))
    return ", ".join(f"{name} {metrics[name]:.4g}" for name in names[:_MAX_TOLD])


def _last_word(name: str) -> str:
    return name.rpartition(".")[2].removeprefix("validation_").removeprefix("train_")


def prune_lines(name: str, plan: Plan, dry_run: bool) -> Iterator[str]:
    """What went, or would go, and why the others stay."""
    verb = "would go" if dry_run else "deleted"
    for version in plan.removed:
        yield f"{name} version {version.number}: {verb}, {size_text(version.size)}"
    for version, reason in plan.kept:
        yield f"{name} version {version.number}: stays, it {reason}"
    yield f"{size_text(plan.freed)} {'would be freed' if dry_run else 'freed'}"


def difference_tables(name: str, found: Difference) -> Iterator[RenderableType]:
    """One table for each kind of difference, without the empty ones."""
    heads = f"version {found.a}", f"version {found.b}"
    if found.metrics:
        table = _table(f"{name}: metrics", "", *heads, "difference", right=(1, 2, 3))
        for metric, pair in found.metrics.items():
            table.add_row(metric, *map(_number, pair), _change(*pair))
        yield table
    for title, pairs in (("provenance", found.provenance), ("signatures", found.signatures)):
        if pairs:
            table = _table(f"{name}: {title}", "", *heads)
            for field, values in pairs.items():
                table.add_row(field, *map(_value, values))
            yield table
        else:
            yield f"{name}: {title}: no difference"
    for number, only in zip((found.a, found.b), found.ops, strict=True):
        if only:
            yield f"{name}: ops of version {number} alone: {', '.join(only)}"
    table = _table(f"{name}: size", "", *heads, right=(1, 2))
    for file, sizes in found.sizes.items():
        table.add_row(file, *("" if size is None else size_text(size) for size in sizes))
    yield table


def size_text(size: int) -> str:
    """Bytes as a person reads them."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _table(title: str, *columns: str, right: Sequence[int] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place in right else "left", overflow="fold")
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _change(a: float | None, b: float | None) -> str:
    return "" if a is None or b is None else f"{b - a:+.4g}"


def _value(value: Any) -> Text:
    if value is None:
        return Text("")
    return Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
