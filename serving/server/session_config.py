"""How models are loaded and run: the session's config, tags and warm-up, from flags and files."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.config import platform_config_pb2

from serving import message_text
from serving.server import text_configs
from serving.server.flags import ParsedFlags
from serving.server.preflight import StartError

_ADAPTER = """
message SessionBundleConfig {
  tensorflow.ConfigProto session_config = 2;
  repeated string saved_model_tags = 6;
  bool enable_model_warmup = 779;
}
message SavedModelBundleSourceAdapterConfig {
  SessionBundleConfig legacy_config = 1000;
}
"""


@dataclasses.dataclass(frozen=True)
class LoadConfig:
    """How a version is loaded."""

    session: config_pb2.ConfigProto
    tags: Sequence[str]  # of the MetaGraph
    warms_up: bool


def from_flags(flags: ParsedFlags) -> LoadConfig:
    """What the flags say; `--platform_config_file` replaces all of them.

    Raises:
        StartError: a file cannot be read, or is not what its flag expects.
    """
    if flags["platform_config_file"]:
        return _from_platform_config(flags["platform_config_file"])
    session = _session(flags)
    return LoadConfig(session, flags["saved_model_tags"].split(","), flags["enable_model_warmup"])


def _session(flags: ParsedFlags) -> config_pb2.ConfigProto:
    """The file's config, with what other flags set written over it."""
    session = config_pb2.ConfigProto()
    if path := flags["tensorflow_session_config_file"]:
        session = text_configs.read("tensorflow_session_config_file", path, config_pb2.ConfigProto)
    both = flags["tensorflow_session_parallelism"]
    if intra_op := both or flags["tensorflow_intra_op_parallelism"]:
        session.intra_op_parallelism_threads = intra_op
    if inter_op := both or flags["tensorflow_inter_op_parallelism"]:
        session.inter_op_parallelism_threads = inter_op
    if fraction := flags["per_process_gpu_memory_fraction"]:
        session.gpu_options.per_process_gpu_memory_fraction = fraction
    return session


def _from_platform_config(path: str) -> LoadConfig:
    pool = message_text.new_pool()
    for file in (config_pb2.DESCRIPTOR, platform_config_pb2.DESCRIPTOR):
        _copy(file, pool)
    imports = [config_pb2.DESCRIPTOR.name]
    message_text.build_messages("tensorflow.serving", _ADAPTER, pool, imports)
    message = message_text.message_class("tensorflow.serving.PlatformConfigMap", pool)
    platforms = text_configs.read("platform_config_file", path, message).platform_configs
    if set(platforms) != {"tensorflow"}:
        raise StartError(
            f"error: --platform_config_file={path}: has {', '.join(platforms) or 'no platform'}, "
            'expected one entry with the key "tensorflow"'
        )
    return _from_adapter(path, platforms["tensorflow"].source_adapter_config, pool)


def _from_adapter(path: str, packed: Any, pool: descriptor_pool.DescriptorPool) -> LoadConfig:
    adapter = message_text.message_class(
        "tensorflow.serving.SavedModelBundleSourceAdapterConfig", pool
    )()
    if not packed.Unpack(adapter):
        raise StartError(
            f"error: --platform_config_file={path}: source_adapter_config is a "
            f"{packed.TypeName() or 'nothing'}, expected a {adapter.DESCRIPTOR.full_name}"
        )
    bundle = adapter.legacy_config
    session = config_pb2.ConfigProto.FromString(bundle.session_config.SerializeToString())
    return LoadConfig(session, bundle.saved_model_tags or ["serve"], bundle.enable_model_warmup)


def _copy(file: FileDescriptor, pool: descriptor_pool.DescriptorPool) -> None:
    """Adds a file and all that it imports."""
    for needed in file.dependencies:
        _copy(needed, pool)
    pool.AddSerializedFile(file.serialized_pb)
