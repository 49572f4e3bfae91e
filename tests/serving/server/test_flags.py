"""The command line of the server: section 6 of the API page."""

import os

import pytest

from serving.server import __main__ as command
from serving.server import flags, grpc_server

FOUR_PER_CPU = 4 * (os.cpu_count() or 1)
DEFAULTS = {
    "port": 8500, "grpc_socket_path": "", "rest_api_port": 0, "rest_api_num_threads": FOUR_PER_CPU,
    "rest_api_timeout_in_ms": 30000, "rest_api_enable_cors_support": False,
    "model_name": "default", "model_base_path": "", "model_config_file": "",
    "model_config_file_poll_wait_seconds": 0, "file_system_poll_wait_seconds": 1,
    "max_num_load_retries": 5, "load_retry_interval_micros": 60000000,
    "num_load_threads": 0, "num_unload_threads": 0,
    "allow_version_labels_for_unavailable_models": False, "saved_model_tags": "serve",
    "enable_model_warmup": True, "num_request_iterations_for_warmup": 0,
    "enable_batching": False, "batching_parameters_file": "",
    "enable_per_model_batching_parameters": False, "monitoring_config_file": "",
    "ssl_config_file": "", "grpc_channel_arguments": "", "grpc_max_threads": FOUR_PER_CPU,
    "enable_grpc_healthcheck_service": False, "tensorflow_session_parallelism": 0,
    "tensorflow_intra_op_parallelism": 0, "tensorflow_inter_op_parallelism": 0,
    "tensorflow_session_config_file": "", "platform_config_file": "",
    "per_process_gpu_memory_fraction": 0.0, "enable_signature_method_name_check": False,
    "enable_serialization_as_tensor_content": False, "flush_filesystem_caches": True,
    "remove_unused_fields_from_bundle_metagraph": True, "enable_profiler": True,
}  # fmt: skip
# Accepted, and said to be without effect.
UNSUPPORTED = {
    "prefer_tflite_model": "true", "num_tflite_pools": "2", "num_tflite_interpreters_per_pool": "2",
    "mixed_precision": "bfloat16", "xla_cpu_compilation_enabled": "1",
    "xla_gpu_compilation_enabled": "1", "thread_pool_factory_config_file": "/f",
    "skip_initialize_tpu": "true", "use_alts_credentials": "true",
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_6_defaults(name):
    value = flags.parse([])[name]
    assert (value, type(value)) == (DEFAULTS[name], type(DEFAULTS[name]))


def test_6_without_arguments_nothing_is_left_over():
    parsed = flags.parse([])
    assert (parsed.unknown, parsed.unsupported()) == ([], [])


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_6_what_is_not_supported_is_accepted_and_marked(name):
    parsed = flags.parse([f"--{name}={UNSUPPORTED[name]}"])
    assert (parsed.unknown, parsed.unsupported()) == ([], [name])
    (line,) = [line for line in flags.usage().splitlines() if line.startswith(f"\t--{name}=")]
    assert line.endswith("(accepted, not supported yet)")


@pytest.mark.parametrize("name", DEFAULTS)
def test_6_what_is_supported_is_not_marked(name):
    (line,) = [line for line in flags.usage().splitlines() if line.startswith(f"\t--{name}=")]
    assert "not supported" not in line


@pytest.mark.parametrize("argument", ["--port=x", "--enable_batching=maybe", "--port=99999"])
def test_6_a_value_that_cannot_be_parsed_prints_the_usage_and_fails(capsys, argument):
    assert command.main([argument]) != 0
    written = capsys.readouterr().err
    assert "usage: " in written
    assert "--rest_api_port=0\tint\t" in written
    assert f"error: {argument}: expected " in written


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--port=1", "port", 1),
        ("--model_name=a=b", "model_name", "a=b"),
        ("--model_name=", "model_name", ""),
        ("--enable_batching", "enable_batching", True),
        ("--enable_batching=1", "enable_batching", True),
        ("--enable_batching=true", "enable_batching", True),
        ("--enable_batching=false", "enable_batching", False),
        ("--saved_model_tags=serve,tpu", "saved_model_tags", "serve,tpu"),
        ("--enable_model_warmup=false", "enable_model_warmup", False),
        ("--enable_model_warmup=0", "enable_model_warmup", False),
        ("--per_process_gpu_memory_fraction=0.5", "per_process_gpu_memory_fraction", 0.5),
        ("-v", "v", True),
    ],
)
def test_6_values(argument, name, value):
    parsed = flags.parse([argument])
    assert parsed[name] == value
    assert parsed.unknown == []


@pytest.mark.parametrize(
    "arguments", [["--nope=1"], ["port=1"], ["-port=1"], ["--port", "1"], ["--"], ["--=1"], [""]]
)
def test_6_what_is_no_flag_is_left_over(arguments):
    parsed = flags.parse(arguments)
    assert parsed.unknown == arguments
    assert parsed["port"] == 8500


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--port=", "--port=: expected an integer"),
        ("--port=8.5", "--port=8.5: expected an integer"),
        ("--port=65536", "--port=65536: expected a port, 0 to 65535"),
        ("--access_log=yes", "--access_log=yes: expected off, text or json"),
        ("--enable_batching=yes", "--enable_batching=yes: expected true, false, 1 or 0"),
        ("--per_process_gpu_memory_fraction=x", "expected a number"),
        ("--grpc_max_threads=0", "--grpc_max_threads=0: expected 1 or more"),
        ("--model_config_file_poll_wait_seconds=-1", "expected 0 or more"),
        ("--max_num_load_retries=-1", "--max_num_load_retries=-1: expected 0 or more"),
    ],
)
def test_6_values_that_cannot_be_right(argument, message):
    with pytest.raises(flags.FlagError) as caught:
        flags.parse([argument])
    assert message in str(caught.value)


def test_6_grpc_channel_arguments_are_integers_or_strings():
    text = "grpc.keepalive_time_ms=1000,grpc.optimization_target=latency,a=-1,b=1.5"
    options = grpc_server.channel_options(text)
    assert options == {
        "grpc.keepalive_time_ms": 1000, "grpc.optimization_target": "latency", "a": -1, "b": "1.5",
    }  # fmt: skip
    assert grpc_server.channel_options("") == {}


def test_6_the_three_kinds_of_parallelism_exclude_each_other():
    kinds = ("session", "intra_op", "inter_op")
    with pytest.raises(flags.FlagError, match="not all three"):
        flags.parse([f"--tensorflow_{kind}_parallelism=1" for kind in kinds])
