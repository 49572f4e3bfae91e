import concurrent.futures
import multiprocessing
import time

import pytest

from preprocessing.block_queue import BlockQueue
from preprocessing.blocks import Block


def blocks_of(work, source, count):
    return [Block(f"{work}/block-{source}-{number}", number + 1) for number in range(count)]


def test_a_source_is_read_by_the_first_who_asks(tmp_path):
    first, second = BlockQueue(str(tmp_path)), BlockQueue(str(tmp_path))
    assert [first.claim(0), second.claim(0), second.claim(1), first.claim(1)] == [
        True, False, True, False,
    ]  # fmt: skip


def test_blocks_come_while_a_source_is_read(tmp_path):
    reader, other = BlockQueue(str(tmp_path)), BlockQueue(str(tmp_path))
    first, second = blocks_of(tmp_path, 0, 2)
    taken = other.take(1)
    received = []

    def source():
        yield first
        received.append(next(taken))
        yield second

    reader.fill(0, source())
    assert received == [first]
    assert list(taken) == [second]


def test_an_end_comes_also_where_reading_fails(tmp_path):
    queue = BlockQueue(str(tmp_path))

    def broken():
        yield from blocks_of(tmp_path, 0, 1)
        raise EOFError

    with pytest.raises(EOFError):
        queue.fill(0, broken())
    assert list(queue.take(1)) == blocks_of(tmp_path, 0, 1)


def _work(work, sources, blocks):
    """What one of several worker processes gets."""
    queue = BlockQueue(work)
    for source in range(sources):
        if queue.claim(source):
            queue.fill(source, blocks_of(work, source, blocks))
    taken = []
    for block in queue.take(sources):
        taken.append(block)
        time.sleep(0.001)  # its tokenisation
    return taken


@pytest.mark.parametrize("sources", [0, 1, 5])
def test_each_block_goes_to_one_of_several_processes(tmp_path, sources):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
        jobs = [pool.submit(_work, str(tmp_path), sources, 100) for _ in range(3)]
        taken = [block for job in jobs for block in job.result()]
    expected = [block for source in range(sources) for block in blocks_of(tmp_path, source, 100)]
    assert sorted(taken, key=str) == sorted(expected, key=str)
