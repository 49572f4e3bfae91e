"""Batches of a real graph: section 7 of the API page, in this process."""

import contextlib
import threading
import time

import numpy as np
import pytest
from tensorflow.core.protobuf import config_pb2

from serving.server import loader, metric_table
from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching import BatchedModel
from serving.server.batching_parameters import BatchingParameters
from serving.server.status import Code, StatusError
from tests.serving import served_models

A_MINUTE = 60_000_000  # microseconds


class Gated:
    """A model whose runs wait for the gate, and which notes what they are fed."""

    def __init__(self, model):
        self.signatures, self._model = model.signatures, model
        self.gate, self.started, self.closed = threading.Event(), threading.Semaphore(0), False
        self.gate.set()
        self.fed, self.timeouts = [], []

    def run(self, feeds, fetches, timeout_s=None):
        self.fed.append([array.tolist() for _, array in sorted(feeds.items())])
        self.timeouts.append(timeout_s)
        self.started.release()
        assert self.gate.wait(60)
        return self._model.run(feeds, fetches, timeout_s)

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    folder = served_models.workbench(tmp_path_factory.mktemp("workbench") / "1")
    model = loader.load(str(folder), ["serve"], config_pb2.ConfigProto())
    yield model
    model.close()


@pytest.fixture
def batched(workbench):
    """Makes a batched workbench; its threads end with the test."""
    with contextlib.ExitStack() as stack:

        def make(scheduler=None, by_length=True, **parameters):
            values = BatchingParameters(**{"num_batch_threads": 1} | parameters)
            if scheduler is None:
                scheduler = BatchScheduler(values.num_batch_threads)
                stack.callback(scheduler.close)
            gated = Gated(workbench)
            stack.callback(gated.gate.set)
            return BatchedModel(gated, values, scheduler, by_length)

        yield make


def submit(model, signature_name="serving_default", timeout_s=None, **inputs):
    signature = model.signatures[signature_name]
    feeds = {signature.inputs[alias].name: value for alias, value in inputs.items()}
    fetches = [signature.outputs[alias].name for alias in sorted(signature.outputs)]
    return model.submit(feeds, fetches, timeout_s)


def floats(*values):
    return np.array(values, np.float32)


def failure(pending):
    with pytest.raises(StatusError) as caught:
        pending.result()
    return caught.value.code, caught.value.message


def hold(model):
    """Occupies the model's one thread until the gate opens."""
    model.model.gate.clear()
    pending = submit(model, "two", a=floats(0), b=floats(0))
    assert model.model.started.acquire(timeout=60)
    return pending


def test_7_requests_of_one_queue_run_as_one_batch(batched):
    model = batched(max_batch_size=4, batch_timeout_micros=A_MINUTE)
    pending = [submit(model, a=floats(*values)) for values in ([1], [2, 3], [4])]
    assert [one.result()[0].tolist() for one in pending] == [[1], [2, 3], [4]]
    assert model.model.fed == [[[1, 2, 3, 4]]]


def test_7_a_lone_request_waits_its_time_and_none_without(batched):
    model = batched(batch_timeout_micros=300_000)
    started = time.monotonic()
    submit(model, a=floats(1)).result()
    assert time.monotonic() - started >= 0.3
    assert submit(batched(), a=floats(1)).result()[0].tolist() == [1]


def test_7_each_set_of_inputs_and_outputs_has_its_queue(batched):
    model = batched(max_batch_size=2, batch_timeout_micros=A_MINUTE)
    a, b = floats(1), floats(2)
    outputs = {alias: info.name for alias, info in model.signatures["two"].outputs.items()}
    feeds = {"a:0": a, "b:0": b}
    both = [outputs["sum"], outputs["difference"]]
    first = model.submit(feeds, both)
    lone = model.submit(feeds, [outputs["sum"]])
    again = model.submit(feeds, both[::-1])  # the same set in another order
    assert [one.tolist() for one in first.result()] == [[3], [-1]]
    assert [one.tolist() for one in again.result()] == [[-1], [3]]
    model.submit(feeds, [outputs["sum"]])
    assert lone.result()[0].tolist() == [3]
    assert len(model.model.fed) == 2


def test_7_the_same_output_twice(batched):
    model = batched()
    output = model.signatures["serving_default"].outputs["y"].name
    one, two = model.run({"a:0": floats(5)}, [output, output])
    assert one.tolist() == two.tolist() == [5]


@pytest.mark.parametrize(
    ("signature", "inputs", "code", "message"),
    [
        ("no_inputs", {}, Code.INVALID_ARGUMENT,
         "Batching Run() must have at least one input tensor"),
        ("serving_default", {"a": np.float32(1)}, Code.INVALID_ARGUMENT,
         "Batching Run() input tensors must have at least one dimension"),
        ("two", {"a": floats(1), "b": floats(1, 2)}, Code.INVALID_ARGUMENT,
         "Batching Run() input tensors must have equal 0th-dimension size"),
        ("serving_default", {"a": floats(1, 2, 3, 4, 5)}, Code.INVALID_ARGUMENT,
         "Task size 5 is larger than maximum input batch size 4"),
        ("total", {"a": floats(1, 2)}, Code.FAILED_PRECONDITION,
         "Batched output tensor has 0 dimensions"),
        ("uneven", {"a": floats(1, 2)}, Code.FAILED_PRECONDITION,
         "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes "
         "of the input tensors"),
    ],
    ids=["no-input", "scalar", "sizes", "too-large", "scalar-output", "output-of-another-size"],
)  # fmt: skip
def test_7_requests_that_cannot_be_batched(batched, signature, inputs, code, message):
    model = batched(max_batch_size=4)
    inputs = {alias: np.asarray(value) for alias, value in inputs.items()}
    with pytest.raises(StatusError) as caught:
        submit(model, signature, **inputs).result()
    assert (caught.value.code, caught.value.message) == (code, message)


def test_7_max_enqueued_batches(batched):
    model = batched(max_batch_size=1, max_enqueued_batches=1)
    hold(model)
    waits = submit(model, a=floats(1))
    with pytest.raises(StatusError) as caught:
        submit(model, a=floats(2))
    assert (caught.value.code, caught.value.message) == (
        Code.UNAVAILABLE,
        "The batch scheduling queue to which this task was submitted is full; currently 1 batches "
        "enqueued and max_enqueued_batches is 1",
    )
    model.model.gate.set()
    assert waits.result()[0].tolist() == [1]


def test_7_allowed_batch_sizes_fill_with_copies_of_a_row(batched):
    model = batched(max_batch_size=6, allowed_batch_sizes=(2, 6), batch_timeout_micros=50_000)
    pending = [submit(model, a=floats(*values)) for values in ([1], [2, 3])]
    assert [one.result()[0].tolist() for one in pending] == [[1], [2, 3]]
    assert model.model.fed == [[[1, 2, 3, 2, 2, 2]]]


def test_7_no_rows_are_valid_and_not_filled(batched):
    model = batched(max_batch_size=4, allowed_batch_sizes=(4,))
    assert submit(model, a=floats()).result()[0].tolist() == []


def test_7_large_requests_are_split_and_put_together_again(batched):
    model = batched(max_batch_size=8, max_execution_batch_size=3, batch_timeout_micros=50_000,
                    enable_large_batch_splitting=True, allowed_batch_sizes=(2, 3))  # fmt: skip
    small = submit(model, a=floats(0))
    large = submit(model, a=floats(1, 2, 3, 4, 5, 6))
    assert small.result()[0].tolist() == [0]
    assert large.result()[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert model.model.fed == [[[0, 1, 2]], [[3, 4, 5]], [[6, 6]]]
    message = "Task size 9 is larger than maximum input batch size 8"
    with pytest.raises(StatusError, match=message):
        submit(model, a=floats(*range(9)))


def test_7_a_split_request_fails_with_any_of_its_pieces(batched):
    good, bad = [value.SerializeToString() for value in (example(1.5), example(None))]
    model = batched(max_batch_size=4, max_execution_batch_size=2, enable_large_batch_splitting=True)
    pending = submit(model, "parse", inputs=np.array([good, good, bad], object))
    code, message = failure(pending)
    assert code == Code.INVALID_ARGUMENT
    assert "Feature: x (data type: float) is required but could not be found" in message


def example(x):
    import tensorflow as tf

    made = tf.train.Example()
    if x is not None:
        made.features.feature["x"].float_list.value.append(x)
    return made


def test_7_different_shapes_fail_together(batched):
    model = batched(max_batch_size=2, batch_timeout_micros=A_MINUTE)
    pending = [submit(model, "echo_float32", x=np.zeros((1, n), np.float32)) for n in (2, 3)]
    for one in pending:
        code, message = failure(one)
        assert code == Code.FAILED_PRECONDITION
        assert message.startswith(
            "Tensors with name 'x_float32' from different tasks have different shapes and padding "
            "is turned off. Set pad_variable_length_inputs to true, "
        )


def test_7_padding_is_not_cut_back(batched):
    model = batched(
        max_batch_size=2, batch_timeout_micros=A_MINUTE, pad_variable_length_inputs=True
    )
    inputs = (floats([7, 8, 9]), floats([4]))
    pending = [submit(model, "echo_float32", x=each) for each in inputs]
    assert [one.result()[0].tolist() for one in pending] == [[[7, 8, 9]], [[4, 4, 4]]]


def test_7_a_failing_run_fails_its_batch_and_no_other(batched):
    good, bad = [value.SerializeToString() for value in (example(1.5), example(None))]
    model = batched(max_batch_size=2, batch_timeout_micros=A_MINUTE)
    together = [submit(model, "parse", inputs=np.array([one], object)) for one in (good, bad)]
    for one in together:
        code, message = failure(one)
        assert code == Code.INVALID_ARGUMENT
        assert "Feature: x (data type: float) is required but could not be found" in message
    after = [submit(model, "parse", inputs=np.array([good], object)) for _ in range(2)]
    assert [one.result()[0].tolist() for one in after] == [[1.5], [1.5]]


def test_7_a_request_of_a_wrong_dtype_fails_alone(batched):
    model = batched(max_batch_size=2, batch_timeout_micros=200_000)
    pending = [submit(model, a=value) for value in (floats(1), np.array([2]), floats(3))]
    code, message = failure(pending[1])
    assert code == Code.INVALID_ARGUMENT
    assert "float" in message
    assert [pending[i].result()[0].tolist() for i in (0, 2)] == [[1], [3]]


def test_7_all_deadlines_passed_in_the_queue(batched):
    model = batched()
    hold(model)
    started = time.monotonic()
    assert failure(submit(model, a=floats(1), timeout_s=0.05)) == (
        Code.RESOURCE_EXHAUSTED, "Run() timeout exceeded while waiting in batching queue"
    )  # fmt: skip
    assert 0.05 <= time.monotonic() - started < 30  # the gate is still shut
    model.model.gate.set()
    assert submit(model, a=floats(2)).result()[0].tolist() == [2]
    assert [[1]] not in model.model.fed  # nobody waits for it


def test_7_a_deadline_ends_the_wait_for_a_batch_that_others_wait_for(batched):
    model = batched(max_batch_size=2)
    hold(model)
    patient = submit(model, a=floats(1))
    hasty = submit(model, a=floats(2), timeout_s=0.05)
    assert failure(hasty) == (Code.DEADLINE_EXCEEDED, "Timed out waiting for notification")
    model.model.gate.set()
    assert patient.result()[0].tolist() == [1]
    assert model.model.fed[1:] == [[[1]]]


def test_7_a_deadline_ends_the_wait_for_a_batch_that_runs(batched):
    model = batched(max_batch_size=2, batch_timeout_micros=A_MINUTE)
    model.model.gate.clear()
    hasty = submit(model, a=floats(1), timeout_s=0.3)
    patient = submit(model, a=floats(2))
    assert model.model.started.acquire(timeout=60)
    assert failure(hasty)[0] == Code.DEADLINE_EXCEEDED
    model.model.gate.set()
    assert patient.result()[0].tolist() == [2]
    assert model.model.timeouts == [None]  # the run's deadline is the last one's, who has none


def test_7_the_run_has_the_latest_deadline_of_its_batch(batched):
    model = batched(max_batch_size=2, batch_timeout_micros=A_MINUTE)
    pending = [submit(model, a=floats(1), timeout_s=seconds) for seconds in (40, 50)]
    for one in pending:
        one.result()
    (timeout_s,) = model.model.timeouts
    assert 40 < timeout_s <= 50


def test_7_one_pool_serves_all_queues_in_turn(batched):
    scheduler = BatchScheduler(1)
    first, second = (batched(scheduler, max_batch_size=1) for _ in range(2))
    order = []
    for model, name in ((first, "first"), (second, "second")):
        run = model.model.run
        model.model.run = lambda *args, run=run, name=name: order.append(name) or run(*args)
    hold(first)
    pending = [submit(model, a=floats(1)) for model in [first] * 3 + [second] * 2]
    first.model.gate.set()
    for one in pending:
        one.result()
    scheduler.close()
    assert order == ["first", "first", "second", "first", "second", "first"]


def test_7_num_batch_threads_batches_run_at_once(batched):
    model = batched(num_batch_threads=3, max_batch_size=1)
    model.model.gate.clear()
    pending = [submit(model, a=floats(value)) for value in range(5)]
    for _ in range(3):
        assert model.model.started.acquire(timeout=60)
    assert not model.model.started.acquire(timeout=0.1)
    model.model.gate.set()
    assert [one.result()[0].tolist() for one in pending] == [[0], [1], [2], [3], [4]]


def test_7_a_timed_batch_is_watched_while_other_batches_run(batched):
    scheduler = BatchScheduler(2)
    busy = batched(scheduler, max_batch_size=1)
    timed = batched(scheduler, batch_timeout_micros=100_000)
    waiting = submit(timed, a=floats(1))
    hold(busy)  # the thread that is woken for it may be the one that watched the clock
    assert waiting.result()[0].tolist() == [1]
    busy.model.gate.set()
    scheduler.close()


def test_7_an_unload_waits_for_batches_that_nobody_waits_for(batched):
    model = batched()
    model.model.gate.clear()
    given_up = submit(model, a=floats(1), timeout_s=0.3)
    assert model.model.started.acquire(timeout=60)
    assert failure(given_up)[0] == Code.DEADLINE_EXCEEDED
    unload = threading.Thread(target=model.close)
    unload.start()
    unload.join(timeout=0.2)
    assert unload.is_alive()
    assert not model.model.closed
    model.model.gate.set()
    unload.join(timeout=60)
    assert model.model.closed


def test_texts_go_together_by_length(batched):
    model = batched(max_batch_size=2)
    texts = [b"a" * length for length in (10, 5000, 12, 4000)]
    hold(model)
    pending = [submit(model, "text", text=np.array([text], object)) for text in texts]
    model.model.gate.set()
    for one, text in zip(pending, texts, strict=True):
        _, upper = one.result()
        assert upper.tolist() == [text.upper()]
    assert model.model.fed[1:] == [[[texts[0], texts[2]]], [[texts[1], texts[3]]]]


def test_many_threads_get_their_own_answers(batched):
    model = batched(num_batch_threads=2, max_batch_size=8, max_enqueued_batches=100)
    wrong = []

    def client(number):
        for step in range(50):
            rows = [number * 1000.0 + step] * (1 + step % 3)
            if submit(model, a=floats(*rows)).result()[0].tolist() != rows:
                wrong.append((number, step))

    before = metric_table.WRAPPED_RUN_COUNT.total()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert metric_table.WRAPPED_RUN_COUNT.total() - before == len(model.model.fed) < 16 * 50
