"""The flags of `tensorflow_model_server`: names, defaults, and how they are read.

`--name=value`, or `--name` alone for a switch. Flags that the embedded server accepts but does
not act on yet are marked, and named in the log when they are given.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

_THREADS = 4 * (os.cpu_count() or 1)
_TRUE, _FALSE = ("true", "1"), ("false", "0")


class FlagError(ValueError):
    """A flag's value cannot be parsed, or flags contradict each other."""


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag; the type of its default is the type of its values."""

    name: str
    default: int | float | bool | str
    help: str
    supported: bool = True


FLAGS = (
    Flag("port", 8500, "gRPC port; 0 only together with --grpc_socket_path"),
    Flag("grpc_socket_path", "", "also listen for gRPC on this Unix socket"),
    Flag("rest_api_port", 0, "REST port; 0: no REST"),
    Flag("rest_api_num_threads", _THREADS, "REST requests worked on at once"),
    Flag("rest_api_timeout_in_ms", 30_000, "deadline of a REST request"),
    Flag("rest_api_enable_cors_support", False, "add CORS headers to REST answers"),
    Flag("model_name", "default", "name of the one model"),
    Flag("model_base_path", "", "absolute path of the one model's folder of versions"),
    Flag("model_config_file", "", "text ModelServerConfig naming several models"),
    Flag("model_config_file_poll_wait_seconds", 0, "re-read the config file this often; 0: never"),
    Flag("file_system_poll_wait_seconds", 1, "look for versions this often; 0: once"),
    Flag("max_num_load_retries", 5, "further attempts to load a version"),
    Flag("load_retry_interval_micros", 60_000_000, "time between those attempts"),
    Flag("num_load_threads", 0, "versions loaded at once; 0: one after the other"),
    Flag("num_unload_threads", 0, "versions unloaded at once; 0: one after the other"),
    Flag("allow_version_labels_for_unavailable_models", False, "labels may come before versions"),
    Flag("saved_model_tags", "serve", "comma-separated tags of the MetaGraph to load"),
    Flag("enable_model_warmup", True, "run a version's warm-up requests before it serves"),
    Flag("num_request_iterations_for_warmup", 0, "times each warm-up request runs; 0: once"),
    Flag("enable_batching", False, "run requests that come at the same time as one batch"),
    Flag("batching_parameters_file", "", "text BatchingParameters"),
    Flag("enable_per_model_batching_parameters", False, "read VERSION/batching_params.pbtxt"),
    Flag("monitoring_config_file", "", "text MonitoringConfig: metrics on the REST port"),
    Flag("ssl_config_file", "", "text SSLConfig: gRPC over TLS"),
    Flag("grpc_channel_arguments", "", "k=v,k=v options of the gRPC server"),
    Flag("grpc_max_threads", _THREADS, "gRPC requests worked on at once; more are refused"),
    Flag("enable_grpc_healthcheck_service", False, "serve grpc.health.v1.Health too"),
    Flag("tensorflow_session_parallelism", 0, "sets both of the next two"),
    Flag("tensorflow_intra_op_parallelism", 0, "threads within an op; 0: automatic"),
    Flag("tensorflow_inter_op_parallelism", 0, "ops that run at once; 0: automatic"),
    Flag("tensorflow_session_config_file", "", "text ConfigProto of the sessions"),
    Flag("platform_config_file", "", "text PlatformConfigMap, instead of the flags above"),
    Flag("per_process_gpu_memory_fraction", 0.0, "share of a GPU's memory; 0: all"),
    Flag("enable_signature_method_name_check", False, "Classify, Regress: check method_name"),
    Flag("enable_serialization_as_tensor_content", False, "answer with tensor_content"),
    Flag("flush_filesystem_caches", True, "accepted, without effect"),
    Flag("remove_unused_fields_from_bundle_metagraph", True, "accepted, without effect"),
    Flag("enable_profiler", True, "accepted, without effect"),
    Flag("prefer_tflite_model", False, "see TF Serving", supported=False),
    Flag("num_tflite_pools", 1, "see TF Serving", supported=False),
    Flag("num_tflite_interpreters_per_pool", 1, "see TF Serving", supported=False),
    Flag("mixed_precision", "", "see TF Serving", supported=False),
    Flag("xla_cpu_compilation_enabled", False, "see TF Serving", supported=False),
    Flag("xla_gpu_compilation_enabled", False, "see TF Serving", supported=False),
    Flag("thread_pool_factory_config_file", "", "see TF Serving", supported=False),
    Flag("skip_initialize_tpu", False, "see TF Serving", supported=False),
    Flag("use_alts_credentials", False, "see TF Serving", supported=False),
    Flag("enable_demo_page", False, "a page to try the models, at / of REST (not in TF Serving)"),
    Flag("version", False, "print versions and exit"),
    Flag("help", False, "print this and exit"),
    Flag("access_log", "off", "log each request: off, text or json (ours, not TF Serving's)"),
    Flag("v", False, "-v: show TensorFlow's log too (ours, not TF Serving's)"),
)
_BY_NAME = {flag.name: flag for flag in FLAGS}


@dataclasses.dataclass(frozen=True)
class ParsedFlags:
    """A command line: every flag's value, and the arguments that are no flags."""

    values: dict[str, Any]
    unknown: list[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def unsupported(self) -> list[str]:
        """The flags that were set to something other than their default without any effect."""
        return [
            flag.name
            for flag in FLAGS
            if not flag.supported and self.values[flag.name] != flag.default
        ]


def parse(arguments: Sequence[str]) -> ParsedFlags:
    """Reads a command line.

    Raises:
        FlagError: a value cannot be parsed, or two flags exclude each other.
    """
    values: dict[str, Any] = {flag.name: flag.default for flag in FLAGS}
    unknown = []
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        flag = _BY_NAME.get(name)
        if argument in ("-v", "-h"):
            values["v" if argument == "-v" else "help"] = True
        elif not argument.startswith("--") or flag is None:
            unknown.append(argument)
        elif equals:
            values[name] = _value(flag, text)
        elif isinstance(flag.default, bool):
            values[name] = True
        else:
            unknown.append(argument)
    _check(values)
    return ParsedFlags(values, unknown)


def usage() -> str:
    """What `--help` prints."""
    lines = ["usage: python -m serving.server --name=value ...", "Flags:"]
    for flag in FLAGS:
        kind = {bool: "bool", int: "int", float: "float", str: "string"}[type(flag.default)]
        default = f'"{flag.default}"' if kind == "string" else str(flag.default).lower()
        note = "" if flag.supported else " (accepted, not supported yet)"
        lines.append(f"\t--{flag.name}={default}\t{kind}\t{flag.help}{note}")
    return "\n".join(lines)


def _value(flag: Flag, text: str) -> int | float | bool | str:
    if isinstance(flag.default, str):
        return text
    if isinstance(flag.default, bool):
        if text not in _TRUE + _FALSE:
            raise FlagError(f"--{flag.name}={text}: expected true, false, 1 or 0")
        return text in _TRUE
    kind = type(flag.default)
    try:
        return kind(text)
    except ValueError:
        expected = "an integer" if kind is int else "a number"
        raise FlagError(f"--{flag.name}={text}: expected {expected}") from None


def _check(values: dict[str, Any]) -> None:
    for name in ("port", "rest_api_port"):
        if not 0 <= values[name] <= 65535:
            raise FlagError(f"--{name}={values[name]}: expected a port, 0 to 65535")
    for name in (
        "file_system_poll_wait_seconds", "model_config_file_poll_wait_seconds",
        "max_num_load_retries", "num_load_threads", "num_unload_threads",
        "load_retry_interval_micros",
    ):  # fmt: skip
        if values[name] < 0:
            raise FlagError(f"--{name}={values[name]}: expected 0 or more")
    if values["access_log"] not in ("off", "text", "json"):
        raise FlagError(f"--access_log={values['access_log']}: expected off, text or json")
    for name in ("rest_api_num_threads", "rest_api_timeout_in_ms", "grpc_max_threads"):
        if values[name] < 1:
            raise FlagError(f"--{name}={values[name]}: expected 1 or more")
    parallelism = [f"tensorflow_{kind}_parallelism" for kind in ("session", "intra_op", "inter_op")]
    if all(values[name] > 0 for name in parallelism):
        raise FlagError(f"--{parallelism[0]} sets the other two: give it or them, not all three")
