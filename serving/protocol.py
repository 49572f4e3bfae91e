"""The messages between a client and a model server, and of a SavedModel, without TensorFlow.

`tensorflow-serving-api` defines the same messages but imports all of TensorFlow. Here they are
built at import from the text below, in a descriptor pool of their own, so that both can live in
one process. Only what we use is there; other fields are skipped on reading. Enums are
plain int32 fields, which is the same on the wire.
"""

import enum
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"

_TENSORFLOW = """
message TensorShapeProto {
  message Dim {
    int64 size = 1;
    string name = 2;
  }
  repeated Dim dim = 2;
  bool unknown_rank = 3;
}
message TensorProto {
  int32 dtype = 1;
  TensorShapeProto tensor_shape = 2;
  int32 version_number = 3;
  bytes tensor_content = 4;
  repeated float float_val = 5;
  repeated double double_val = 6;
  repeated int32 int_val = 7;
  repeated bytes string_val = 8;
  repeated float scomplex_val = 9;
  repeated int64 int64_val = 10;
  repeated bool bool_val = 11;
  repeated double dcomplex_val = 12;
  repeated int32 half_val = 13;
  repeated uint32 uint32_val = 16;
  repeated uint64 uint64_val = 17;
}
message TensorInfo {
  string name = 1;
  int32 dtype = 2;
  TensorShapeProto tensor_shape = 3;
}
message SignatureDef {
  map<string, TensorInfo> inputs = 1;
  map<string, TensorInfo> outputs = 2;
  string method_name = 3;
  map<string, TensorProto> defaults = 4;
}
message AssetFileDef {
  string filename = 2;
}
message MetaGraphDef {
  message MetaInfoDef {
    repeated string tags = 4;
    string tensorflow_version = 5;
  }
  MetaInfoDef meta_info_def = 1;
  map<string, SignatureDef> signature_def = 5;
  repeated AssetFileDef asset_file_def = 6;
}
message SavedModel {
  repeated MetaGraphDef meta_graphs = 2;
}
"""
_TENSORFLOW_SERVING = """
message ModelSpec {
  string name = 1;
  oneof version_choice {
    google.protobuf.Int64Value version = 2;
    string version_label = 4;
  }
  string signature_name = 3;
}
message PredictRequest {
  ModelSpec model_spec = 1;
  map<string, tensorflow.TensorProto> inputs = 2;
  repeated string output_filter = 3;
}
message PredictResponse {
  map<string, tensorflow.TensorProto> outputs = 1;
  ModelSpec model_spec = 2;
}
message SignatureDefMap {
  map<string, tensorflow.SignatureDef> signature_def = 1;
}
message GetModelMetadataRequest {
  ModelSpec model_spec = 1;
  repeated string metadata_field = 2;
}
message GetModelMetadataResponse {
  ModelSpec model_spec = 1;
  map<string, google.protobuf.Any> metadata = 2;
}
message StatusProto {
  int32 error_code = 1;
  string error_message = 2;
}
message GetModelStatusRequest {
  ModelSpec model_spec = 1;
}
message ModelVersionStatus {
  int64 version = 1;
  int32 state = 2;
  StatusProto status = 3;
}
message GetModelStatusResponse {
  repeated ModelVersionStatus model_version_status = 1;
}
"""

_FIELD = re.compile(r"(?P<repeated>repeated )?(?P<type>[\w.]+|map<string, [\w.]+>) (?P<name>\w+) = "
                    r"(?P<number>\d+);")  # fmt: skip
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING, "bytes": _Field.TYPE_BYTES, "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32, "int64": _Field.TYPE_INT64, "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64, "float": _Field.TYPE_FLOAT, "double": _Field.TYPE_DOUBLE,
}  # fmt: skip


def _parse(package: str, text: str, imports: Iterable[str]) -> descriptor_pb2.FileDescriptorProto:
    """Reads the part of the .proto language that is used above."""
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
        field.oneof_index = 0


def _build_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    well_known = [module.DESCRIPTOR for module in (any_pb2, wrappers_pb2)]
    for file in well_known:
        pool.AddSerializedFile(file.serialized_pb)
    pool.Add(_parse("tensorflow", _TENSORFLOW, []))
    imports = ["tensorflow.proto", *(file.name for file in well_known)]
    pool.Add(_parse("tensorflow.serving", _TENSORFLOW_SERVING, imports))
    return pool


_POOL = _build_pool()


def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


TensorShapeProto = _message_class("tensorflow.TensorShapeProto")
TensorProto = _message_class("tensorflow.TensorProto")
TensorInfo = _message_class("tensorflow.TensorInfo")
SignatureDef = _message_class("tensorflow.SignatureDef")
SavedModel = _message_class("tensorflow.SavedModel")
ModelSpec = _message_class("tensorflow.serving.ModelSpec")
PredictRequest = _message_class("tensorflow.serving.PredictRequest")
PredictResponse = _message_class("tensorflow.serving.PredictResponse")
SignatureDefMap = _message_class("tensorflow.serving.SignatureDefMap")
GetModelMetadataRequest = _message_class("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message_class("tensorflow.serving.GetModelMetadataResponse")
GetModelStatusRequest = _message_class("tensorflow.serving.GetModelStatusRequest")
ModelVersionStatus = _message_class("tensorflow.serving.ModelVersionStatus")
GetModelStatusResponse = _message_class("tensorflow.serving.GetModelStatusResponse")


class DataType(enum.IntEnum):
    """The element types of tensors, numbered as in TensorFlow's types.proto."""

    DT_INVALID = 0
    DT_FLOAT = 1
    DT_DOUBLE = 2
    DT_INT32 = 3
    DT_UINT8 = 4
    DT_INT16 = 5
    DT_INT8 = 6
    DT_STRING = 7
    DT_COMPLEX64 = 8
    DT_INT64 = 9
    DT_BOOL = 10
    DT_QINT8 = 11
    DT_QUINT8 = 12
    DT_QINT32 = 13
    DT_BFLOAT16 = 14
    DT_QINT16 = 15
    DT_QUINT16 = 16
    DT_UINT16 = 17
    DT_COMPLEX128 = 18
    DT_HALF = 19
    DT_RESOURCE = 20
    DT_VARIANT = 21
    DT_UINT32 = 22
    DT_UINT64 = 23


class State(enum.IntEnum):
    """Where a model version stands in its life."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50
