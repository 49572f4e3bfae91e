"""Calls in threads, some at a time, with their results in order."""

import collections
import concurrent.futures
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    call: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> Generator[Result, None, None]:
    """`call` of each item, with up to `at_once` under way; no more than twice as many are held.

    After a failure, or when the caller stops, none is begun any more, and those under way are
    waited for.
    """
    waiting: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(at_once, thread_name_prefix="client") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(call, item))
                if len(waiting) == 2 * at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
