"""Whether a SavedModel runs on other machines than the one that wrote it. Imports no TensorFlow."""

import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

from preprocessing.errors import InputError
from serving.op_versions import nodes

_PYTHON_OPS = ("EagerPyFunc", "PyFunc", "PyFuncStateless")
_XLA_ATTRIBUTE = "_XlaMustCompile"
# Saving puts "/device:CPU:0" on the nodes that read files; every machine has one.
_ANY_MACHINE = re.compile(r"(/device:CPU:(\d+|\*))?", re.IGNORECASE)
_STRING = 7  # DT_STRING in types.proto


def check_portable(meta_graph: Any) -> None:
    """Checks a MetaGraphDef for what ties it to a machine, a device or this Python process.

    Raises:
        InputError: of the first such thing, with its place.
    """
    for problem in _problems(meta_graph):
        raise InputError(f"{problem}: the model would not load elsewhere and is not published.")


def _problems(meta_graph: Any) -> Iterator[str]:
    for function in meta_graph.graph_def.library.function:
        if _must_compile(function.attr):
            yield (
                f"function {function.signature.name}: compiled by XLA for one kind of machine, "
                "expected plain ops (no jit_compile)"
            )
    for place, node in nodes(meta_graph.graph_def):
        if reason := _problem_of(node):
            yield f"{place}: {reason}"
    for asset in meta_graph.asset_file_def:
        path = pathlib.PurePosixPath(asset.filename)
        if path.is_absolute() or ".." in path.parts:
            yield f"asset {asset.filename}: a path outside of the model's folder"


def _problem_of(node: Any) -> str | None:
    if node.op in _PYTHON_OPS:
        return f"op {node.op} calls Python, expected ops of TensorFlow and TF Text alone"
    if node.op.lstrip("_").startswith("Xla") or _must_compile(node.attr):
        return f"op {node.op} is compiled by XLA for one kind of machine, expected plain ops"
    if not _ANY_MACHINE.fullmatch(node.device):
        return f"placed on {node.device}, expected no device"
    if node.op == "Const" and node.attr["dtype"].type == _STRING:
        return _path_in(node.attr["value"].tensor.string_val)
    return None


def _must_compile(attributes: Any) -> bool:
    return _XLA_ATTRIBUTE in attributes and attributes[_XLA_ATTRIBUTE].b


def _path_in(values: Any) -> str | None:
    """A lone text that is the name of a file here, such as a table's; lists are data."""
    if len(values) == 1 and values[0].startswith(b"/") and len(values[0]) > 1:
        path = os.fsdecode(values[0])
        if os.path.exists(path):
            return f"reads {path} of this machine, expected an asset of the model"
    return None
