"""What two versions of a model differ in: where they come from, what they take, how they score."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from serving import protocol
from serving.describe import describe
from serving.registry.model import find_version, metrics_of

_MISSING = None
# Told apart from where a version comes from: the figures of its training and evaluation.
_FIGURES = (
    "epoch", "evaluation", "float32_evaluation", "agreement", "gate", "ops",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Difference:
    """Two versions, `a` and `b`; pairs are (in a, in b), None where one has no such thing."""

    a: int
    b: int
    provenance: Mapping[str, tuple[Any, Any]]  # dotted field -> values that differ
    signatures: Mapping[str, tuple[str | None, str | None]]  # "qa input question" -> "DT_STRING …"
    ops: tuple[list[str], list[str]]  # in one of them only; empty where exports list none
    metrics: Mapping[str, tuple[float | None, float | None]]  # all of them
    sizes: Mapping[str, tuple[int | None, int | None]]  # "total", and files that differ, in bytes

    def to_json(self) -> dict[str, Any]:
        """As plain values; metrics and sizes also with `difference`, b minus a."""
        return {
            "a": self.a,
            "b": self.b,
            "provenance": {name: _pair(pair) for name, pair in self.provenance.items()},
            "signatures": {name: _pair(pair) for name, pair in self.signatures.items()},
            "ops": {"only_a": self.ops[0], "only_b": self.ops[1]},
            "metrics": {name: _numbers(pair) for name, pair in self.metrics.items()},
            "sizes": {name: _numbers(pair) for name, pair in self.sizes.items()},
        }


def compare(model_dir: pathlib.Path, a: int, b: int) -> Difference:
    """Compares two versions.

    Raises:
        InputError: one is not there, or has a broken file.
    """
    paths = find_version(model_dir, a), find_version(model_dir, b)
    described = [describe(path) for path in paths]
    provenances = [each.provenance or {} for each in described]
    files = [{**each.files, "total": sum(each.files.values())} for each in described]
    ops = [set(provenance.get("ops") or ()) for provenance in provenances]
    return Difference(
        a=a,
        b=b,
        provenance=_differing(*(dict(_fields(provenance, "")) for provenance in provenances)),
        signatures=_differing(*(dict(_signatures(each.meta_graph)) for each in described)),
        ops=(sorted(ops[0] - ops[1]), sorted(ops[1] - ops[0])),
        metrics=_pairs(*map(metrics_of, provenances)),
        sizes={"total": (files[0]["total"], files[1]["total"]), **_differing(*files)},
    )


def _fields(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every plain value or list in nested objects, by its dotted name."""
    if isinstance(value, dict):
        for key, below in value.items():
            if name or key not in _FIGURES:
                yield from _fields(below, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _signatures(meta_graph: Any) -> Iterator[tuple[str, str]]:
    for name, signature in sorted(meta_graph.signature_def.items()):
        for side, infos in (("input", signature.inputs), ("output", signature.outputs)):
            for alias, info in sorted(infos.items()):
                sizes = [dim.size for dim in info.tensor_shape.dim]
                dtype = protocol.DataType(info.dtype).name
                yield f"{name} {side} {alias}", f"{dtype} {sizes}"


def _pairs(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = list(dict.fromkeys([*a, *b]))
    return {name: (a.get(name, _MISSING), b.get(name, _MISSING)) for name in names}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: pair for name, pair in _pairs(a, b).items() if pair[0] != pair[1]}


def _pair(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {"a": pair[0], "b": pair[1]}


def _numbers(pair: tuple[Any, Any]) -> dict[str, Any]:
    known = None not in pair
    return {**_pair(pair), "difference": pair[1] - pair[0] if known else None}
