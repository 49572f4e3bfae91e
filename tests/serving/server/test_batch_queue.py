"""Which requests go together: section 7 of the API page, and the choice by length."""

import random

import numpy as np
import pytest

from serving.server.batch_queue import MAX_LATER, BatchQueue
from serving.server.batch_request import BatchedRequest
from serving.server.status import Code, StatusError


def request(rows=1, length=0, deadline=None):
    made = BatchedRequest({"x": np.zeros(rows, np.float32)}, deadline)
    made.length = length
    return made


def queue(batch_size=4, max_batches=10, timeout_s=0.0, split=False, by_length=False):
    return BatchQueue(batch_size, max_batches, timeout_s, split, by_length)


def rows_of_batches(waiting):
    taken = []
    while waiting:
        taken.append([piece.rows for piece in waiting.take()])
    return taken


def test_7_requests_fill_batches_in_order_of_arrival():
    waiting = queue(batch_size=4)
    for rows in (1, 2, 2, 2, 3, 1):
        waiting.put(request(rows))
    assert rows_of_batches(waiting) == [[1, 2], [2, 2], [3, 1]]


def test_7_a_batch_goes_when_full_or_after_its_time():
    waiting = queue(batch_size=2, timeout_s=5.0)
    first = request()
    waiting.put(first)
    assert waiting.due() == first.enqueued + 5.0
    waiting.put(request())
    assert waiting.due() == first.enqueued
    waiting.take()
    third = request()
    waiting.put(third)
    assert waiting.due() == third.enqueued + 5.0


def test_7_a_batch_behind_which_another_begins_goes_though_not_full():
    waiting = queue(batch_size=4, timeout_s=5.0)
    first = request(3)
    waiting.put(first)
    waiting.put(request(2))
    assert waiting.due() == first.enqueued


@pytest.mark.parametrize("max_batches", [0, 1])
def test_7_max_enqueued_batches_bounds_the_queue(max_batches):
    waiting = queue(batch_size=2, max_batches=max_batches)
    waiting.put(request(1))
    waiting.put(request(1))
    with pytest.raises(StatusError) as caught:
        waiting.put(request(1))
    assert (caught.value.code, caught.value.message) == (
        Code.UNAVAILABLE,
        "The batch scheduling queue to which this task was submitted is full; currently 1 batches "
        f"enqueued and max_enqueued_batches is {max_batches}",
    )
    waiting.take()
    waiting.put(request(1))


@pytest.mark.parametrize(
    ("before", "rows", "batches"),
    [
        pytest.param([1], 6, [[1, 3], [3]], id="fills-the-open-batch"),
        pytest.param([], 10, [[4], [4], [2]], id="spans-three"),
        pytest.param([4], 4, [[4], [4]], id="open-batch-full"),
        pytest.param([3], 1, [[3, 1]], id="fits"),
        pytest.param([], 0, [[0]], id="no-rows"),
    ],
)
def test_7_large_requests_are_split_over_batches(before, rows, batches):
    waiting = queue(batch_size=4, split=True)
    for one in [*before, rows]:
        waiting.put(request(one))
    assert rows_of_batches(waiting) == batches


def test_7_a_split_request_needs_room_for_all_of_it():
    waiting = queue(batch_size=4, max_batches=2, split=True)
    waiting.put(request(3))
    with pytest.raises(StatusError, match="currently 1 batches enqueued"):
        waiting.put(request(6))
    waiting.put(request(5))
    assert rows_of_batches(waiting) == [[3, 1], [4]]


def test_texts_of_like_length_go_together_around_the_oldest():
    waiting = queue(batch_size=3, by_length=True)
    for length in (50, 900, 60, 800, 10, 55, 1000):
        waiting.put(request(length=length))
    lengths = []
    while waiting:
        lengths.append([piece.request.length for piece in waiting.take()])
    assert lengths == [[50, 55, 60], [900, 800, 1000], [10]]


def test_in_order_of_arrival_when_all_fits_into_one_batch():
    waiting = queue(batch_size=4, by_length=True)
    for length in (50, 900, 60):
        waiting.put(request(length=length))
    assert [piece.request.length for piece in waiting.take()] == [50, 900, 60]


def test_no_request_goes_much_later_than_in_order_of_arrival():
    waiting = queue(batch_size=4, max_batches=100, by_length=True)
    draw = random.Random(3)
    arrival: list[BatchedRequest] = []  # those of one row, so that number // 4 is their FIFO batch

    def arrive(count):
        for _ in range(count):
            arrival.append(request(length=draw.choice([10, 11, 12, 5000])))
            waiting.put(arrival[-1])

    arrive(40)
    left = {}
    for number in range(60):
        oldest = min(i for i in range(len(arrival)) if i not in left)
        batch = [arrival.index(piece.request) for piece in waiting.take()]
        assert oldest in batch
        left |= dict.fromkeys(batch, number)
        arrive(4)
    assert max(number - i // 4 for i, number in left.items()) <= MAX_LATER
    assert max(number - i // 4 for i, number in left.items()) > 0  # order was changed at all


def test_what_is_removed_does_not_run():
    waiting = queue(batch_size=2)
    requests = [request() for _ in range(3)]
    for one in requests:
        waiting.put(one)
    assert waiting.remove(requests[0]) == (1, True)
    assert waiting.remove(requests[0]) == (0, False)
    assert waiting.remove(requests[2]) == (1, False)
    assert [piece.request for piece in waiting.take()] == [requests[1]]
    assert not waiting
