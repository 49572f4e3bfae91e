"""Protobuf messages from the text of their definitions, without generated code or a compiler.

For messages that no package ships, or only together with all of TensorFlow. Each text goes into
a descriptor pool of its own, so that other definitions of the same names can live in one process.
"""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_FIELD = re.compile(r"(?P<repeated>repeated )?(?P<type>[\w.]+|map<string, [\w.]+>) (?P<name>\w+) = "
                    r"(?P<number>\d+);")  # fmt: skip
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING, "bytes": _Field.TYPE_BYTES, "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32, "int64": _Field.TYPE_INT64, "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64, "float": _Field.TYPE_FLOAT, "double": _Field.TYPE_DOUBLE,
}  # fmt: skip
_WELL_KNOWN = (any_pb2.DESCRIPTOR, wrappers_pb2.DESCRIPTOR)


def new_pool() -> descriptor_pool.DescriptorPool:
    """A pool that knows `google.protobuf.Any` and the wrappers, such as `Int64Value`."""
    pool = descriptor_pool.DescriptorPool()
    for file in _WELL_KNOWN:
        pool.AddSerializedFile(file.serialized_pb)
    return pool


def build_messages(
    package: str,
    text: str,
    pool: descriptor_pool.DescriptorPool | None = None,
    imports: Iterable[str] = (),
) -> dict[str, Any]:
    """The classes of the top-level messages in a text, by their names in it.

    Args:
        package: such as "tensorflow.serving".
        text: `message`s as in a proto3 file, with one field, `oneof` or brace a line; enums are
            int32 fields, which is the same on the wire.
        pool: where the messages go; a new one of their own unless given.
        imports: names of further files in the pool whose messages the text uses; a package built
            here is the file `<package>.proto`.
    """
    pool = pool or new_pool()
    file = _parse(package, text, [*imports, *(known.name for known in _WELL_KNOWN)])
    pool.Add(file)
    return {
        message.name: message_class(f"{package}.{message.name}", pool)
        for message in file.message_type
    }


def message_class(full_name: str, pool: descriptor_pool.DescriptorPool) -> Any:
    """The class of a message that is in a pool."""
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))


def _parse(package: str, text: str, imports: Iterable[str]) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, dependency=imports, syntax="proto3"
    )
    messages: list[descriptor_pb2.DescriptorProto] = []  # the open ones, innermost last
    in_oneof = False
    for line in map(str.strip, text.strip().splitlines()):
        if line.startswith("message "):
            owner = messages[-1].nested_type if messages else file.message_type
            messages.append(owner.add(name=line.split()[1]))
        elif line.startswith("oneof "):
            messages[-1].oneof_decl.add(name=line.split()[1])
            in_oneof = True
        elif line == "}" and in_oneof:
            in_oneof = False
        elif line == "}":
            messages.pop()
        else:
            _add_field(messages[-1], line, in_oneof)
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, line: str, in_oneof: bool) -> None:
    match = _FIELD.fullmatch(line)
    assert match, line
    type_name = match["type"]
    field = message.field.add(name=match["name"], number=int(match["number"]))
    if type_name.startswith("map<"):  # a repeated message with a key and a value, by definition
        entry = message.nested_type.add(name=f"{match['name'].title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, "string key = 1;", in_oneof=False)
        _add_field(entry, f"{type_name[len('map<string, ') : -1]} value = 2;", in_oneof=False)
        type_name = entry.name
    repeated = match["repeated"] or match["type"].startswith("map<")
    field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if type_name in _SCALARS:
        field.type = _SCALARS[type_name]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, type_name
    if in_oneof:
        field.oneof_index = len(message.oneof_decl) - 1
