"""The parameters of dynamic batching, from a text `BatchingParameters` (API page, section 7)."""

import dataclasses
import itertools
import os
from typing import Any

import tensorflow as tf
from google.protobuf import text_format

from serving import message_text
from serving.server import text_configs
from serving.server.status import StatusError, invalid_argument

PER_MODEL_FILE = "batching_params.pbtxt"  # in the version's folder

BatchingParametersProto = message_text.build_messages(
    "tensorflow.serving",
    """
    message BatchingParameters {
      google.protobuf.Int64Value max_batch_size = 1;
      google.protobuf.Int64Value batch_timeout_micros = 2;
      google.protobuf.Int64Value max_enqueued_batches = 3;
      google.protobuf.Int64Value num_batch_threads = 4;
      google.protobuf.StringValue thread_pool_name = 5;
      repeated int64 allowed_batch_sizes = 6;
      bool pad_variable_length_inputs = 7;
      google.protobuf.BoolValue enable_large_batch_splitting = 8;
      google.protobuf.Int64Value max_execution_batch_size = 9;
    }
    """,
)["BatchingParameters"]
_WRAPPED = (
    "max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads",
    "thread_pool_name", "enable_large_batch_splitting", "max_execution_batch_size",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """How requests are joined into batches; sizes are rows.

    Raises (on construction):
        StatusError: a value is out of range, or two do not fit each other.
    """

    max_batch_size: int = 1000  # of a batch, and of a request
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    thread_pool_name: str = ""
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0  # 0: max_batch_size; counts with splitting only

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise invalid_argument(f"{name} must be positive; was {getattr(self, name)}")
        for name in ("batch_timeout_micros", "max_enqueued_batches", "max_execution_batch_size"):
            if getattr(self, name) < 0:
                raise invalid_argument(f"{name} must be non-negative; was {getattr(self, name)}")
        if self.execution_size > self.max_batch_size:
            raise invalid_argument(
                "max_execution_batch_size must be at most max_batch_size; was "
                f"{self.execution_size}; expected at most {self.max_batch_size}"
            )
        self._check_allowed_sizes()

    @property
    def execution_size(self) -> int:
        """The most rows that run at once."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def filled_size(self, rows: int) -> int:
        """The next of the allowed sizes."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)

    def _check_allowed_sizes(self) -> None:
        sizes = self.allowed_batch_sizes
        if any(size < 1 for size in sizes) or any(a >= b for a, b in itertools.pairwise(sizes)):
            raise invalid_argument("allowed_batch_sizes entries must be monotonically increasing")
        if not sizes or sizes[-1] == self.execution_size:
            return
        limit = "max_batch_size"
        if self.execution_size != self.max_batch_size:
            limit = "max_execution_batch_size"
        raise invalid_argument(
            f"Last entry in allowed_batch_sizes must match {limit}; last entry was {sizes[-1]}; "
            f"expected {self.execution_size}"
        )


def read_file(path: str) -> BatchingParameters:
    """Reads `--batching_parameters_file`; the defaults when the flag is not given.

    Raises:
        StartError: the file cannot be read, or is no BatchingParameters.
        StatusError: its values cannot be.
    """
    if not path:
        return BatchingParameters()
    return _from_proto(text_configs.read("batching_parameters_file", path, BatchingParametersProto))


def read_version(version_path: str) -> BatchingParameters | None:
    """A version's own parameters; None when it has no such file, and so no batching.

    Raises:
        StatusError: the file is no BatchingParameters, or its values cannot be.
    """
    path = os.path.join(version_path, PER_MODEL_FILE)
    if not tf.io.gfile.exists(path):
        return None
    try:
        with tf.io.gfile.GFile(path) as file:
            return _from_proto(text_format.Parse(file.read(), BatchingParametersProto()))
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise invalid_argument(
            f"{path}: expected a BatchingParameters in protobuf's text format ({error})"
        ) from error
    except StatusError as error:
        raise StatusError(error.code, f"{path}: {error.message}") from error


def _from_proto(proto: Any) -> BatchingParameters:
    given = {name: getattr(proto, name).value for name in _WRAPPED if proto.HasField(name)}
    return BatchingParameters(
        **given,
        allowed_batch_sizes=tuple(proto.allowed_batch_sizes),
        pad_variable_length_inputs=proto.pad_variable_length_inputs,
    )
