"""Calls in threads, some at a time, with their results in order."""

import collections
import concurrent.futures
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    call: Callable[[Item], Result], items: Iterable[Item | None], at_once: int
) -> Generator[Result, None, None]:
    """`call` of each item, with up to `at_once` under way; no more than twice as many are held.

    Results are given when the next item is there: None is no item, but lets them be given in time.
    After a failure, or when the caller stops, none is begun any more, and those under way are
    waited for.
    """
    waiting: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(at_once, thread_name_prefix="client") as pool:
        try:
            for item in items:
                if item is not None:
                    waiting.append(pool.submit(call, item))
                while waiting and (len(waiting) == 2 * at_once or waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
