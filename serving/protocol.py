"""The messages between a client and a model server, and of a SavedModel, without TensorFlow.

`tensorflow-serving-api` defines the same messages but imports all of TensorFlow. Here they are
built at import from the text below. Only what we use is there; other fields are skipped on
reading. Enums are plain int32 fields, which is the same on the wire.
"""

import enum

from serving import message_text

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

_POOL = message_text.new_pool()
_tensorflow = message_text.build_messages("tensorflow", _TENSORFLOW, _POOL)
_serving = message_text.build_messages(
    "tensorflow.serving", _TENSORFLOW_SERVING, _POOL, ["tensorflow.proto"]
)

TensorShapeProto = _tensorflow["TensorShapeProto"]
TensorProto = _tensorflow["TensorProto"]
TensorInfo = _tensorflow["TensorInfo"]
SignatureDef = _tensorflow["SignatureDef"]
SavedModel = _tensorflow["SavedModel"]
ModelSpec = _serving["ModelSpec"]
PredictRequest = _serving["PredictRequest"]
PredictResponse = _serving["PredictResponse"]
SignatureDefMap = _serving["SignatureDefMap"]
GetModelMetadataRequest = _serving["GetModelMetadataRequest"]
GetModelMetadataResponse = _serving["GetModelMetadataResponse"]
GetModelStatusRequest = _serving["GetModelStatusRequest"]
ModelVersionStatus = _serving["ModelVersionStatus"]
GetModelStatusResponse = _serving["GetModelStatusResponse"]


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
