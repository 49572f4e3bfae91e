"""`python -m serving.describe models/sentiment`: what is inside a model version.

Reads the SavedModel's description only; no graph is loaded, and TensorFlow is not imported.
"""

import argparse
import dataclasses
import json
import pathlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from preprocessing import command_line
from preprocessing.errors import InputError
from serving import protocol, provenance
from serving.model_dir import SAVED_MODEL, version_folders

_WARM_UP = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
_RECORD_HEADER = struct.Struct("<QI")  # a TFRecord: length, checksum, data, checksum
_CHECKSUM_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Description:
    """A model version; `meta_graph` holds its signatures."""

    path: pathlib.Path
    meta_graph: Any  # protocol.SavedModel's first MetaGraphDef
    files: dict[str, int]  # path within the version -> bytes
    warm_up_requests: int
    provenance: Mapping[str, Any] | None  # None: the export came without it


def find_version(path: pathlib.Path) -> pathlib.Path:
    """The version folder that a path means: itself, or the newest below a model's folder.

    Raises:
        InputError: there is none.
    """
    if (path / SAVED_MODEL).is_file():
        return path
    if not path.is_dir():
        raise InputError(
            f"{path}: no such folder; expected a model's folder, such as models/sentiment, or one "
            "of its versions, such as models/sentiment/1"
        )
    versions = version_folders(path)
    if not versions:
        raise InputError(
            f"{path}: no model version in it; expected a folder named by a number that holds "
            f"{SAVED_MODEL}. Make one with `python -m serving.export`."
        )
    return versions[max(versions)]


def describe(path: pathlib.Path) -> Description:
    """Reads a version folder.

    Raises:
        InputError: it holds no SavedModel, or a broken file.
    """
    saved_model = _read_saved_model(path / SAVED_MODEL)
    files = {
        str(file.relative_to(path)): file.stat().st_size
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }
    return Description(
        path, saved_model.meta_graphs[0], files, _count_records(path / _WARM_UP),
        provenance.read_if_there(path),
    )  # fmt: skip


def _read_saved_model(path: pathlib.Path) -> Any:
    try:
        saved_model = protocol.SavedModel.FromString(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file, so this version holds no SavedModel. Export it again with "
            "`python -m serving.export`."
        ) from None
    except DecodeError as error:
        raise InputError(f"{path}: not a SavedModel ({error}). Export it again.") from error
    if not saved_model.meta_graphs:
        raise InputError(f"{path}: a SavedModel without any MetaGraph. Export it again.")
    return saved_model


def _count_records(path: pathlib.Path) -> int:
    if not path.exists():
        return 0
    size, position, count = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            header = file.read(_RECORD_HEADER.size)
            if len(header) == _RECORD_HEADER.size:
                length = _RECORD_HEADER.unpack(header)[0]
                position += _RECORD_HEADER.size + length + _CHECKSUM_BYTES
                count += 1
            if len(header) < _RECORD_HEADER.size or position > size:
                raise InputError(f"{path}: not a whole TFRecord file after {count} records")
    return count


def render(description: Description) -> str:
    """The description as a person reads it."""
    return "\n".join([*_summary(description), *_signatures(description), *_provenance(description)])


def _summary(description: Description) -> Iterator[str]:
    info, files = description.meta_graph.meta_info_def, description.files
    yield f"{description.path}: model {description.path.resolve().parent.name}, version " + (
        description.path.resolve().name
    )
    yield f"  saved with TensorFlow {info.tensorflow_version}, tags {', '.join(info.tags)}"
    total, graph = _size(sum(files.values())), _size(files[SAVED_MODEL])
    yield f"  {total} in {len(files)} files; graph {graph}"
    assets = [asset.filename for asset in description.meta_graph.asset_file_def]
    listed = [f"{name} ({_size(files.get(f'assets/{name}', 0))})" for name in assets]
    yield f"  assets: {', '.join(listed) or 'none'}"
    yield f"  warm-up requests: {description.warm_up_requests or 'none'}"


def _signatures(description: Description) -> Iterator[str]:
    for name, signature in sorted(description.meta_graph.signature_def.items()):
        yield f"  signature {name} ({signature.method_name or 'no method name'})"
        sides = (("input", signature.inputs), ("output", signature.outputs))
        width = max((len(alias) for _, infos in sides for alias in infos), default=0)
        for side, infos in sides:
            for alias, info in sorted(infos.items()):
                dtype = protocol.DataType(info.dtype).name
                yield f"    {side:<6}  {alias:<{width}}  {dtype} {_shape(info)}"


def _shape(info: Any) -> str:
    if info.tensor_shape.unknown_rank:
        return "of any shape"
    sizes = ("?" if dim.size < 0 else str(dim.size) for dim in info.tensor_shape.dim)
    return f"[{', '.join(sizes)}]"


def _provenance(description: Description) -> Iterator[str]:
    if description.provenance is None:
        yield "  provenance: none"
        return
    yield "  provenance"
    text = json.dumps(description.provenance, indent=2, ensure_ascii=False)
    yield from (f"  {line}" for line in text.splitlines()[1:-1])


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def main(arguments: list[str]) -> None:
    """Describes the versions that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m serving.describe", description=__doc__)
    parser.add_argument(
        "paths", nargs="+", type=pathlib.Path, metavar="PATH",
        help="a model's folder (its newest version), or a version's",
    )  # fmt: skip
    command_line.add_verbose_flag(parser)
    for path in parser.parse_args(arguments).paths:
        print(render(describe(find_version(path))))


if __name__ == "__main__":
    command_line.run(main)
