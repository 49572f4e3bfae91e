"""How models are loaded: section 6 of the API page, the flags of sessions and platforms."""

import pytest
from tensorflow.core.protobuf import config_pb2

from serving.server import flags, session_config
from serving.server.preflight import StartError

PLATFORM = """
platform_configs {{
  key: "{key}"
  value {{
    source_adapter_config {{
      [type.googleapis.com/tensorflow.serving.SavedModelBundleSourceAdapterConfig] {{
        legacy_config {{ {legacy} }}
      }}
    }}
  }}
}}
"""


def from_flags(*arguments: str) -> session_config.LoadConfig:
    return session_config.from_flags(flags.parse(arguments))


def test_6_defaults():
    assert from_flags() == session_config.LoadConfig(config_pb2.ConfigProto(), ["serve"], True)


def test_6_parallelism_tags_and_gpu_memory():
    both = from_flags("--tensorflow_session_parallelism=3", "--enable_model_warmup=false")
    assert both.session.intra_op_parallelism_threads == 3
    assert both.session.inter_op_parallelism_threads == 3
    assert not both.warms_up
    each = from_flags(
        "--tensorflow_intra_op_parallelism=1", "--tensorflow_inter_op_parallelism=2",
        "--per_process_gpu_memory_fraction=0.25", "--saved_model_tags=serve,gpu",
    )  # fmt: skip
    assert each.session.intra_op_parallelism_threads == 1
    assert each.session.inter_op_parallelism_threads == 2
    assert each.session.gpu_options.per_process_gpu_memory_fraction == 0.25
    assert each.tags == ["serve", "gpu"]


def test_6_session_config_file_and_flags_over_it(tmp_path):
    (tmp_path / "f").write_text("intra_op_parallelism_threads: 5 allow_soft_placement: true")
    file_flag = f"--tensorflow_session_config_file={tmp_path / 'f'}"
    assert from_flags(file_flag).session.intra_op_parallelism_threads == 5
    session = from_flags(file_flag, "--tensorflow_intra_op_parallelism=1").session
    assert (session.intra_op_parallelism_threads, session.allow_soft_placement) == (1, True)


def test_6_platform_config_file(tmp_path):
    legacy = (
        "session_config { inter_op_parallelism_threads: 4 } saved_model_tags: 'a' "
        "saved_model_tags: 'b' enable_model_warmup: true"
    )
    (tmp_path / "f").write_text(PLATFORM.format(key="tensorflow", legacy=legacy))
    found = from_flags(f"--platform_config_file={tmp_path / 'f'}", "--saved_model_tags=other")
    assert found.session == config_pb2.ConfigProto(inter_op_parallelism_threads=4)
    assert (list(found.tags), found.warms_up) == (["a", "b"], True)
    (tmp_path / "f").write_text(PLATFORM.format(key="tensorflow", legacy=""))
    found = from_flags(f"--platform_config_file={tmp_path / 'f'}")
    assert (found.tags, found.warms_up) == (["serve"], False)


@pytest.mark.parametrize(
    ("flag", "text", "message"),
    [
        ("tensorflow_session_config_file", "nope: 1", "expected a ConfigProto in protobuf's text"),
        ("platform_config_file", PLATFORM.format(key="jax", legacy=""), "has jax, expected one"),
        ("platform_config_file", "", "has no platform, expected one"),
        ("platform_config_file", PLATFORM.format(key="tensorflow", legacy="nope: 1"), "nope"),
        ("platform_config_file", 'platform_configs { key: "tensorflow" value {} }',
         "source_adapter_config is a nothing"),
    ],
)  # fmt: skip
def test_6_files_that_are_not_what_their_flag_expects(tmp_path, flag, text, message):
    (tmp_path / "f").write_text(text)
    with pytest.raises(StartError) as caught:
        from_flags(f"--{flag}={tmp_path / 'f'}")
    assert str(caught.value).startswith(f"error: --{flag}={tmp_path / 'f'}: ")
    assert message in str(caught.value)
