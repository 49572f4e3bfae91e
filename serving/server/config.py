"""Which models to serve: from the flags of one model, or from a `ModelServerConfig` file."""

import dataclasses
import os
from collections.abc import Collection, Iterable, Mapping

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.status import StatusError, invalid_argument

_TENSORFLOW = "tensorflow"  # the one platform


@dataclasses.dataclass(frozen=True)
class VersionPolicy:
    """Which of the versions on disk should be served; latest 1 unless told otherwise."""

    kind: str = "latest"  # "latest", "all" or "specific"
    num_versions: int = 1  # for "latest"
    versions: frozenset[int] = frozenset()  # for "specific"

    def choose(self, present: Iterable[int]) -> set[int]:
        """The versions to serve, out of those that are present."""
        if self.kind == "all":
            return set(present)
        if self.kind == "specific":
            return set(self.versions) & set(present)
        return set(sorted(present)[-self.num_versions :])

    def missing(self, present: Iterable[int]) -> list[int]:
        """The versions that it names and that are not present, in order."""
        return sorted(self.versions.difference(present))

    def __str__(self) -> str:
        if self.kind == "all":
            return "all versions"
        if self.kind == "latest":
            return f"latest {self.num_versions}"
        return f"versions {', '.join(map(str, sorted(self.versions))) or 'none'}"


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """One model: its name, its folder of versions, and which of them to serve."""

    name: str
    base_path: str  # absolute, or a URI that TensorFlow's file system can read
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)  # label -> version

    def __str__(self) -> str:
        labels = ", ".join(f"{label} {version}" for label, version in sorted(self.labels.items()))
        return f"{self.policy} in {self.base_path}{f', labels {labels}' if labels else ''}"


def single_model(name: str, base_path: str) -> list[ModelConfig]:
    """The configuration of `--model_name` and `--model_base_path`.

    Raises:
        StatusError: the path is relative.
    """
    return [_checked(ModelConfig(name, base_path))]


def read_file(path: str, known: Collection[str] = ()) -> list[ModelConfig]:
    """Reads a text `ModelServerConfig`; `known` as of `from_proto`.

    Raises:
        OSError: the file cannot be read.
        text_format.ParseError, UnicodeDecodeError: it is not such a file.
        StatusError: it names models that cannot be served.
    """
    with open(path, encoding="utf-8") as file:
        config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
    return from_proto(config, known)


def from_proto(
    config: model_server_config_pb2.ModelServerConfig, known: Collection[str] = ()
) -> list[ModelConfig]:
    """Checks and translates a `ModelServerConfig`.

    Args:
        config: the whole of what is to be served.
        known: the names of the models that are served now.

    Raises:
        StatusError: a model is listed twice, or cannot be served.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
            "ModelConfigList is currently supported"
        )
    names: set[str] = set()
    for proto in config.model_config_list.config:
        if proto.name in names:
            raise invalid_argument(
                f"Illegal to list model {proto.name} multiple times in config list"
            )
        names.add(proto.name)
    return [_from_model_proto(proto, known) for proto in config.model_config_list.config]


def _from_model_proto(
    proto: model_server_config_pb2.ModelConfig, known: Collection[str]
) -> ModelConfig:
    policy, labels = _policy(proto), dict(proto.version_labels)
    model = _checked(ModelConfig(proto.name, proto.base_path, policy, labels))
    platform = _platform(proto)
    if platform != _TENSORFLOW and proto.name in known:
        raise invalid_argument(
            f"Illegal to change a model's platform. For model {proto.name} platform was "
            f"{_TENSORFLOW} and new platform requested is {platform}"
        )
    if platform != _TENSORFLOW:
        raise invalid_argument(f"Model {proto.name} requests unsupported platform {platform}")
    if proto.HasField("logging_config"):
        raise invalid_argument("No request-logger-creator provided.")
    return model


def _platform(proto: model_server_config_pb2.ModelConfig) -> str:
    """The platform by its name, or by the number that older configs have in its place."""
    if not proto.model_platform and not proto.model_type:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {proto.name}"
        )
    if proto.model_platform and proto.model_type:
        raise invalid_argument(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            "ModelServerConfig::model_platform."
        )
    if proto.model_platform:
        return proto.model_platform
    if proto.model_type != model_server_config_pb2.ModelType.TENSORFLOW:
        raise invalid_argument(
            f"ModelServerConfig::model_type choice {proto.model_type} not supported."
        )
    return _TENSORFLOW


def _policy(proto: model_server_config_pb2.ModelConfig) -> VersionPolicy:
    policy = proto.model_version_policy
    kind = policy.WhichOneof("policy_choice") or "latest"
    if kind == "specific":
        return VersionPolicy(kind, versions=frozenset(policy.specific.versions))
    return VersionPolicy(kind, num_versions=policy.latest.num_versions or 1)


def _checked(model: ModelConfig) -> ModelConfig:
    if not os.path.isabs(model.base_path) and "://" not in model.base_path:
        raise _relative_path(model)
    return model


def _relative_path(model: ModelConfig) -> StatusError:
    return invalid_argument(
        f"Expected model {model.name} to have an absolute path or URI; got "
        f"base_path()={model.base_path}"
    )
