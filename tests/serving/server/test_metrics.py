"""The page of metrics as text, section 8 of the API page; no server."""

import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.server import metric_table, metrics
from serving.server.metrics import Counter, Histogram


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(metrics, "_registry", {})


def test_8_a_name_is_its_path_with_colons():
    Counter("/tensorflow/serving/request_count", "model_name").increment("m")
    assert metrics.page() == (
        "# TYPE :tensorflow:serving:request_count counter\n"
        ':tensorflow:serving:request_count{model_name="m"} 1\n'
    )


def test_8_a_type_line_also_without_values_and_braces_without_labels():
    Counter("/a/b-c", "model")
    Counter("/d").increment(by=1_234_567)
    Histogram("/e", [1.0])
    assert metrics.page() == (
        "# TYPE :a:b:c counter\n# TYPE :d counter\n:d{} 1234567\n# TYPE :e histogram\n"
    )


def test_8_histograms_are_cumulative_with_exclusive_limits():
    sizes = Histogram("/h", [1, 2, 4], "size")
    for value in (0.5, 1, 2, 2, 100):
        sizes.add(value, "s")
    assert metrics.page().splitlines()[1:] == [
        ':h_bucket{size="s",le="1"} 1',
        ':h_bucket{size="s",le="2"} 2',
        ':h_bucket{size="s",le="4"} 4',
        ':h_bucket{size="s",le="+Inf"} 5',
        ':h_sum{size="s"} 105.5',
        ':h_count{size="s"} 5',
    ]


def test_8_a_histogram_without_labels():
    Histogram("/h", [1]).add(3)
    assert metrics.page().splitlines()[1:] == [
        ':h_bucket{le="1"} 0', ':h_bucket{le="+Inf"} 1', ":h_sum{} 3", ":h_count{} 1",
    ]  # fmt: skip


def test_8_limits_print_with_6_significant_digits():
    # 10 × 1.8^k, worked out by hand; the last is in the API page.
    limits = [f"{limit:g}" for limit in metrics.exponential_limits(10, 1.8, 33)]
    assert limits[:5] == ["10", "18", "32.4", "58.32", "104.976"]
    assert limits[-1] == "1.47476e+09"


def test_8_label_values_are_escaped():
    counter = Counter("/c", "model")
    counter.increment('a"b\\c\nd')
    assert metrics.page().splitlines()[1] == r':c{model="a\"b\\c\nd"} 1'
    (family,) = text_string_to_metric_families(metrics.page())
    assert family.samples[0].labels == {"model": 'a"b\\c\nd'}


def test_metrics_are_sorted_by_name():
    for path in ("/b", "/a/c", "/a"):
        Counter(path)
    assert [line.split()[2] for line in metrics.page().splitlines() if "TYPE" in line] == [
        ":a", ":a:c", ":b",
    ]  # fmt: skip


def test_clients_cannot_fill_the_memory_with_labels(monkeypatch):
    monkeypatch.setattr(metrics, "MAX_LABEL_SETS", 2)
    counter, sizes = Counter("/c", "model", "status"), Histogram("/h", [1], "model")
    for model in ("a", "b", "c", "d", "a"):
        counter.increment(model, "OK")
        sizes.add(0, model)
    lines = metrics.page().splitlines()
    assert ':c{model="a",status="OK"} 2' in lines
    assert ':c{model="",status=""} 2' in lines
    assert ':h_count{model=""} 2' in lines
    assert counter.total() == 5


def test_3_2_a_counter_is_read_by_its_path():
    counter = Counter("/tensorflow/serving/request_count", "model_name")
    counter.increment("a")
    counter.increment("b", by=2)
    Histogram("/h", [1]).add(1)
    assert metrics.counter_value("/tensorflow/serving/request_count") == 3
    assert metrics.counter_value("/tensorflow/serving/nothing") == 0
    assert metrics.counter_value("/h") == 0


def test_threads_lose_no_count():
    counter, sizes = Counter("/c", "model"), Histogram("/h", [1])

    def count():
        for _ in range(5000):
            counter.increment("m")
            sizes.add(0.5)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.total() == 20_000
    assert ":h_count{} 20000" in metrics.page()


L = ("10", "18", "1.47476e+09", 33)
LABELLED = [
    (
        "REQUEST_LATENCY",
        ("m", "Predict", "GRPC"),
        L,
        'model_name="m",API="Predict",entrypoint="GRPC",',
    ),
    ("RUNTIME_LATENCY", ("m", "Predict", "TF1"), L, 'model_name="m",API="Predict",runtime="TF1",'),
    ("WARMUP_LATENCY", ("/m/1", "OK"), L, 'model_path="/m/1",status="OK",'),
    ("REQUEST_EXAMPLE_COUNTS", ("m",), ("1", "2", "16384", 15), 'model="m",'),
    ("QUEUING_LATENCY", ("",), ("100", "120", "1.09205e+06", 52), 'thread_pool_name="",'),
    ("PADDING_SIZE", ("8",), ("1", "2", "8192", 14), 'execution_batch_size="8",'),
    ("INPUT_BATCH_SIZE", (), ("1", "2", "8192", 14), ""),
    ("PROCESSED_BATCH_SIZE", (), ("1", "2", "8192", 14), ""),
]


@pytest.mark.parametrize(
    ("name", "labels", "limits", "pairs"), LABELLED, ids=[each[0] for each in LABELLED]
)
def test_8_labels_and_limits_of_the_histograms(name, labels, limits, pairs):
    metric = getattr(metric_table, name)
    metric.add(1, *labels)
    lines = [line for line in metric.lines() if f"_bucket{{{pairs}le=" in line]
    found = [line.split('le="')[1].split('"')[0] for line in lines]
    assert (found[0], found[1], found[-2], len(found) - 1) == limits
    assert found[-1] == "+Inf"
