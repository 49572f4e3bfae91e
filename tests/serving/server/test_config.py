"""ModelServerConfig files: sections 3.2 (the checks) and 5.5 of the API page."""

from collections.abc import Sequence

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.config import ModelConfig, VersionPolicy, from_proto
from serving.server.status import Code, StatusError


def parse(text: str, known: Sequence[str] = ()) -> list[ModelConfig]:
    return from_proto(text_format.Parse(text, model_server_config_pb2.ModelServerConfig()), known)


def one(text: str) -> str:
    return f'model_config_list {{ config {{ name: "m" {text} }} }}'


TENSORFLOW = 'base_path: "/m" model_platform: "tensorflow" '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
         "ModelConfigList is currently supported"),
        (f'model_config_list {{ config {{ name: "m" {TENSORFLOW} }} '
         f'config {{ name: "m" {TENSORFLOW} }} }}',
         "Illegal to list model m multiple times in config list"),
        (one('base_path: "m" model_platform: "tensorflow"'),
         "Expected model m to have an absolute path or URI; got base_path()=m"),
        (one('base_path: "/m"'),
         "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
         "ModelServerConfig::model_platform, model name is m"),
        (one('base_path: "/m" model_platform: "pytorch"'),
         "Model m requests unsupported platform pytorch"),
        (one(TENSORFLOW + "model_type: TENSORFLOW"),
         "Illegal setting both ModelServerConfig::model_type (deprecated) and "
         "ModelServerConfig::model_platform."),
        (one('base_path: "/m" model_type: OTHER'),
         "ModelServerConfig::model_type choice 2 not supported."),
        (one(TENSORFLOW + "logging_config {}"), "No request-logger-creator provided."),
    ],
)  # fmt: skip
def test_3_2_configs_that_cannot_be_served(text, message):
    with pytest.raises(StatusError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", {7}),
        ("model_version_policy { latest {} }", {7}),
        ("model_version_policy { latest { num_versions: 2 } }", {5, 7}),
        ("model_version_policy { all {} }", {1, 5, 7}),
        ("model_version_policy { specific { versions: 1 versions: 99 } }", {1}),
    ],
)
def test_5_1_policies(text, chosen):
    (model,) = parse(one(TENSORFLOW + text))
    assert model.policy.choose([5, 1, 7]) == chosen


def test_3_2_the_platform_of_a_known_model_stays():
    with pytest.raises(StatusError) as caught:
        parse(one('base_path: "/m" model_platform: "pytorch"'), known=["m"])
    assert caught.value.message == (
        "Illegal to change a model's platform. For model m platform was tensorflow and new "
        "platform requested is pytorch"
    )
    assert parse(one(TENSORFLOW), known=["m"]) == [ModelConfig("m", "/m")]
    assert parse(one('base_path: "/m" model_type: TENSORFLOW'), known=["m"])


def test_5_5_uris_and_labels():
    (model,) = parse(one(
        'base_path: "gs://bucket/m" model_platform: "tensorflow" '
        'version_labels { key: "stable" value: 42 }'
    ))  # fmt: skip
    assert model == ModelConfig("m", "gs://bucket/m", VersionPolicy(), {"stable": 42})
