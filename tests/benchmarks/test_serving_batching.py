import argparse

import pytest
from tensorflow.core.protobuf import config_pb2

from benchmarks import serving_batching
from benchmarks.serving_batching import Side
from preprocessing.errors import InputError
from serving.server import loader
from tests.serving import served_models


def test_every_review_is_answered_by_batches_and_by_the_same_batches_directly(tmp_path):
    version = served_models.sentiment(tmp_path / "1")
    model = loader.load(str(version), ["serve"], config_pb2.ConfigProto())
    flags = argparse.Namespace(clients=4, batch_timeout_micros=1000)
    found = serving_batching.measure(model, ["a good film"] * 50, Side(1, 3, True), flags)
    model.close()
    assert 1 <= found["batch_size"] <= 3
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["of_direct"] > 0
    assert found["per_second"] > 0


def test_table_has_medians():
    runs = [
        {"per_second": speed, "p50_ms": 5.0, "p99_ms": 9.0, "cpu_ms": 2.0, "batch_size": 4.0,
         "of_direct": 0.95}
        for speed in (30.0, 10.0, 20.0)
    ]  # fmt: skip
    table = serving_batching.table({str(Side(2, 8, True)): runs})
    assert table.splitlines()[2:] == [
        "| 2 threads, batches of 8, by length | 20.0 (10.0, 30.0) | 5 | 9 | 2.0 | 4.0 | 0.95 |"
    ]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (["--threads", "1,x"], "--threads is '1,x', expected numbers from 1, such as 1,2."),
        (["--max_batch_sizes", "0"], "--max_batch_sizes is '0', expected numbers from 1"),
        (["--clients", "0"], "--clients is 0, expected at least 1."),
    ],
    ids=["threads", "sizes", "clients"],
)
def test_flags_that_cannot_be(flag, message):
    with pytest.raises(InputError) as caught:
        serving_batching.main(["--model", "m", "--reviews", "r", *flag])
    assert str(caught.value).startswith(message)
