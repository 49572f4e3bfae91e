"""The command line of the server: section 6 of the API page."""

import pytest

from serving.server import flags


def test_defaults():
    parsed = flags.parse([])
    assert (parsed["port"], parsed["rest_api_port"]) == (8500, 0)
    assert (parsed["model_name"], parsed["max_num_load_retries"]) == ("default", 5)
    assert parsed["load_retry_interval_micros"] == 60_000_000
    assert parsed["enable_model_warmup"] is True
    assert parsed["saved_model_tags"] == "serve"
    assert parsed.unknown == []
    assert parsed.unsupported() == []


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--port=1", "port", 1),
        ("--model_name=a=b", "model_name", "a=b"),
        ("--model_name=", "model_name", ""),
        ("--enable_batching", "enable_batching", True),
        ("--enable_batching=1", "enable_batching", True),
        ("--enable_model_warmup=false", "enable_model_warmup", False),
        ("--enable_model_warmup=0", "enable_model_warmup", False),
        ("--per_process_gpu_memory_fraction=0.5", "per_process_gpu_memory_fraction", 0.5),
        ("-v", "v", True),
    ],
)
def test_values(argument, name, value):
    parsed = flags.parse([argument])
    assert parsed[name] == value
    assert parsed.unknown == []


@pytest.mark.parametrize(
    "arguments", [["--nope=1"], ["port=1"], ["-port=1"], ["--port", "1"], ["--"], ["--=1"], [""]]
)
def test_what_is_no_flag_is_left_over(arguments):
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
        ("--max_num_load_retries=-1", "--max_num_load_retries=-1: expected 0 or more"),
    ],
)
def test_values_that_cannot_be_right(argument, message):
    with pytest.raises(flags.FlagError) as caught:
        flags.parse([argument])
    assert message in str(caught.value)


def test_the_three_kinds_of_parallelism_exclude_each_other():
    kinds = ("session", "intra_op", "inter_op")
    with pytest.raises(flags.FlagError, match="not all three"):
        flags.parse([f"--tensorflow_{kind}_parallelism=1" for kind in kinds])


def test_flags_without_effect_are_known():
    parsed = flags.parse(["--port=1", "--mixed_precision=bfloat16", "--enable_profiler=0"])
    assert parsed.unsupported() == ["mixed_precision"]
