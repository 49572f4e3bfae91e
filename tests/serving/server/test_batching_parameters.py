"""BatchingParameters, section 7 of the API page: defaults, the file, and what cannot be."""

import os

import pytest

from serving.server import batching_parameters
from serving.server.batching_parameters import BatchingParameters
from serving.server.preflight import StartError
from serving.server.status import Code, StatusError

WHOLE = """
max_batch_size { value: 64 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 3 }
num_batch_threads { value: 5 }
thread_pool_name { value: "pool" }
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 32 }
allowed_batch_sizes: 8
allowed_batch_sizes: 32
pad_variable_length_inputs: true
"""


def write(folder, text):
    path = folder / "batching_params.pbtxt"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("text", [None, ""], ids=["no-file", "empty-file"])
def test_7_defaults(tmp_path, text):
    read = batching_parameters.read_file("" if text is None else write(tmp_path, text))
    assert (read.max_batch_size, read.batch_timeout_micros) == (1000, 0)
    assert (read.max_enqueued_batches, read.num_batch_threads) == (10, os.cpu_count())
    assert (read.allowed_batch_sizes, read.pad_variable_length_inputs) == ((), False)
    assert (read.enable_large_batch_splitting, read.execution_size) == (False, 1000)


def test_7_every_parameter_is_read_from_text(tmp_path):
    assert batching_parameters.read_file(write(tmp_path, WHOLE)) == BatchingParameters(
        max_batch_size=64, batch_timeout_micros=2000, max_enqueued_batches=3, num_batch_threads=5,
        thread_pool_name="pool", enable_large_batch_splitting=True, max_execution_batch_size=32,
        allowed_batch_sizes=(8, 32), pad_variable_length_inputs=True,
    )  # fmt: skip


def test_7_max_execution_batch_size_counts_with_splitting_only():
    assert BatchingParameters(max_batch_size=8, max_execution_batch_size=4).execution_size == 8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_batch_size": 0}, "max_batch_size must be positive; was 0"),
        ({"num_batch_threads": -1}, "num_batch_threads must be positive; was -1"),
        ({"batch_timeout_micros": -1}, "batch_timeout_micros must be non-negative; was -1"),
        ({"max_enqueued_batches": -2}, "max_enqueued_batches must be non-negative; was -2"),
        ({"max_batch_size": 4, "allowed_batch_sizes": (2, 3)},
         "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 3; "
         "expected 4"),
        ({"max_batch_size": 4, "allowed_batch_sizes": (2, 2, 4)},
         "allowed_batch_sizes entries must be monotonically increasing"),
        ({"max_batch_size": 4, "max_execution_batch_size": 2, "enable_large_batch_splitting": True,
          "allowed_batch_sizes": (4,)},
         "Last entry in allowed_batch_sizes must match max_execution_batch_size; last entry was 4; "
         "expected 2"),
        ({"max_batch_size": 4, "max_execution_batch_size": 8, "enable_large_batch_splitting": True},
         "max_execution_batch_size must be at most max_batch_size; was 8; expected at most 4"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_7_values_that_cannot_be(values, message):
    with pytest.raises(StatusError) as caught:
        BatchingParameters(**values)
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)


@pytest.mark.parametrize(("rows", "size"), [(1, 2), (2, 2), (3, 8), (8, 8)])
def test_7_batches_are_filled_to_the_next_allowed_size(rows, size):
    parameters = BatchingParameters(max_batch_size=8, allowed_batch_sizes=(2, 8))
    assert parameters.filled_size(rows) == size
    assert BatchingParameters().filled_size(rows) == rows


def test_7_a_file_that_is_none_ends_the_start(tmp_path):
    path = write(tmp_path, "max_batch_size: 3")
    with pytest.raises(StartError) as caught:
        batching_parameters.read_file(path)
    assert str(caught.value).startswith(f"error: --batching_parameters_file={path}: expected a "
                                        "BatchingParameters in protobuf's text format")  # fmt: skip


def test_7_a_version_without_its_file_has_no_batching(tmp_path):
    assert batching_parameters.read_version(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("max_batch_size { value: 0 }", "max_batch_size must be positive; was 0"),
     ("sizes: 3", "expected a BatchingParameters in protobuf's text format")],
)  # fmt: skip
def test_7_a_versions_file_that_cannot_be_names_it(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(StatusError) as caught:
        batching_parameters.read_version(str(tmp_path))
    assert caught.value.code == Code.INVALID_ARGUMENT
    assert caught.value.message.startswith(f"{path}: {message}")
