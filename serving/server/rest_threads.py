"""The threads that answer REST requests, and the short queue before them."""

import asyncio
import concurrent.futures
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect

from serving.server.status import Code, StatusError

_Answer = TypeVar("_Answer")


class BoundedThreads:
    """Runs work in `threads` threads; at most `max_waiting` wait for one, more are refused."""

    def __init__(self, threads: int, max_waiting: int):
        self._free = asyncio.Semaphore(threads)
        self._waiting, self._max_waiting = 0, max_waiting
        self._threads = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="rest")

    async def run(
        self,
        work: Callable[[], _Answer],
        deadline: float,
        disconnected: Callable[[], Awaitable[object]],
    ) -> _Answer:
        """The result of `work()`.

        Args:
            work: what to do; it is never begun twice, nor after the deadline.
            deadline: by `time.monotonic()`.
            disconnected: returns when nobody waits for the result any more.

        Raises:
            StatusError: too many wait already, or it has waited until the deadline.
            ClientDisconnect: nobody waits for it.
        """
        if self._free.locked():
            await self._wait(deadline, disconnected)
        else:
            await self._free.acquire()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._free.release()

    async def _wait(self, deadline: float, disconnected: Callable[[], Awaitable[object]]) -> None:
        if self._waiting >= self._max_waiting:
            raise StatusError(Code.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
        turn = asyncio.ensure_future(self._free.acquire())
        gone = asyncio.ensure_future(disconnected())
        self._waiting += 1
        try:
            timeout_s = max(deadline - time.monotonic(), 0.0)
            await asyncio.wait({turn, gone}, timeout=timeout_s, return_when="FIRST_COMPLETED")
        finally:
            self._waiting -= 1
            has_gone = not gone.cancel()
            is_its_turn = not turn.cancel()  # what is done cannot be cancelled
        if is_its_turn:
            return
        if has_gone:
            raise ClientDisconnect
        raise StatusError(Code.DEADLINE_EXCEEDED, "The deadline passed before the model ran")
