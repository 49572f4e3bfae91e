"""One process of a load test: an event loop that sends requests and notes what became of them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence

from serving.async_client import AsyncClient
from serving.client import NO_RETRIES
from serving.errors import ServingError
from serving.load_test.plan import CLOSED, Load, Outcome, Target

Inputs = Mapping[str, Sequence[str]]
_REPORT_S = 0.25


class Sender:
    """Sends a process's part of a load.

    Args:
        target: who is asked.
        load: as a whole.
        process: which part of it is ours, from 0.
        requests: the inputs to send, again and again.
    """

    def __init__(self, target: Target, load: Load, process: int, requests: Sequence[Inputs]):
        self._target, self._load, self._process = target, load, process
        # Processes begin at different places.
        first = process * len(requests) // max(1, load.processes)
        self._requests = itertools.cycle([*requests[first:], *requests[:first]])
        self._start = 0.0
        self.outcome = Outcome()
        self.sent = self.ended = 0

    async def run(self, start: Callable[[], float], report: Callable[[int, int], None]) -> None:
        """Connects, sends until the end, and waits for the answers.

        Args:
            start: called when it is ready; the monotonic clock at which the load begins.
            report: takes (sent, ended) so far.
        """
        target, load = self._target, self._load
        async with AsyncClient(
            target.endpoint, target.timeout_s, batch_size=None, retries=NO_RETRIES, tls=target.tls
        ) as client:
            with contextlib.suppress(ServingError):  # connects; what fails is counted below
                await client.status(target.model, timeout_s=min(5.0, target.timeout_s))
            self._start = start()
            reporting = asyncio.create_task(self._report(report))
            await self._sleep_until(0.0)
            cpu = time.process_time()
            await (self._closed(client) if load.loop == CLOSED else self._open(client))
            elapsed = time.monotonic() - self._start
            self.outcome.cpu_share = (time.process_time() - cpu) / elapsed
            reporting.cancel()
        report(self.sent, self.ended)

    async def _closed(self, client: AsyncClient) -> None:
        async def ask_in_turn() -> None:
            while (now := time.monotonic() - self._start) < self._load.end_s:
                await self._ask(client, now)

        clients = self._load.clients_of(self._process)
        await asyncio.gather(*(ask_in_turn() for _ in range(clients)))

    async def _open(self, client: AsyncClient) -> None:
        under_way: set[asyncio.Task] = set()
        for at in self._load.arrivals_of(self._process):
            await self._sleep_until(at)
            task = asyncio.create_task(self._ask(client, at))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _ask(self, client: AsyncClient, meant_at: float) -> None:
        """Sends one request, which was meant to be sent `meant_at` seconds after the start."""
        target, outcome = self._target, self.outcome
        self.sent += 1
        late = time.monotonic() - self._start - meant_at
        error = message = ""
        try:
            await client.predict(
                target.model, next(self._requests), target.signature_name, target.version
            )
        except ServingError as failure:
            error = failure.code or type(failure).__name__
            message = " ".join(str(failure).split())
        self.ended += 1
        ended = time.monotonic() - self._start
        if not error and self._load.warm_up_s <= ended < self._load.end_s:
            outcome.completed += 1
        if meant_at < self._load.warm_up_s:
            return
        outcome.lateness.append(late)
        if error:
            outcome.errors[error] = outcome.errors.get(error, 0) + 1
            outcome.messages.setdefault(error, message)
        else:
            outcome.latencies.append(ended - meant_at)

    async def _sleep_until(self, at: float) -> None:
        delay = self._start + at - time.monotonic()
        # Also when it is late: answers must be read between sends.
        await asyncio.sleep(max(delay, 0.0))

    async def _report(self, report: Callable[[int, int], None]) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            report(self.sent, self.ended)
