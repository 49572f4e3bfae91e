"""The processes of a load: started together, watched while they send, read at their end."""

import asyncio
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from preprocessing.errors import InputError
from serving.load_test.plan import Load, Outcome, Target
from serving.load_test.sender import Inputs, Sender

_START_S = 0.3  # after all are ready


def run_load(
    target: Target, load: Load, requests: Sequence[Inputs], watch: Callable[[int, int], None]
) -> list[Outcome]:
    """Puts one load on the server.

    Args:
        target, load: who, and how much.
        requests: the inputs to send.
        watch: takes (sent, ended) of all processes, while it goes on.

    Raises:
        InputError: a process failed.
    """
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    pairs = [context.Pipe() for _ in range(load.processes)]
    processes = [
        context.Process(target=_work, args=(far, target, load, number, requests), daemon=True)
        for number, (_, far) in enumerate(pairs)
    ]
    try:
        for process, (_, far) in zip(processes, pairs, strict=True):
            process.start()
            far.close()
        return _collect([near for near, _ in pairs], watch)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _collect(pipes: list[Connection], watch: Callable[[int, int], None]) -> list[Outcome]:
    for pipe in pipes:
        _receive(pipe)  # it is ready
    start = time.monotonic() + _START_S  # the same clock in all processes of a machine
    for pipe in pipes:
        pipe.send(start)
    progress = dict.fromkeys(pipes, (0, 0))
    outcomes: dict[Connection, Outcome] = {}
    while len(outcomes) < len(pipes):
        ready = wait([pipe for pipe in pipes if pipe not in outcomes])
        for pipe in (pipe for pipe in pipes if pipe in ready):
            message = _receive(pipe)
            if isinstance(message, Outcome):
                outcomes[pipe] = message
            else:
                progress[pipe] = message
        sent, ended = zip(*progress.values(), strict=True)
        watch(sum(sent), sum(ended))
    return [outcomes[pipe] for pipe in pipes]


def _receive(pipe: Connection) -> Any:
    try:
        message = pipe.recv()
    except EOFError:
        raise InputError("a process of the load test was killed; is memory short?") from None
    if isinstance(message, str):
        raise InputError(f"a process of the load test failed: {message}")
    return message


def _work(
    pipe: Connection, target: Target, load: Load, number: int, requests: Sequence[Inputs]
) -> None:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # errors are counted

    def start() -> float:
        pipe.send(None)
        return pipe.recv()

    try:
        sender = Sender(target, load, number, requests)
        asyncio.run(sender.run(start, lambda sent, ended: pipe.send((sent, ended))))
        pipe.send(sender.outcome)
    except KeyboardInterrupt:
        pass  # the first process says so
    except Exception:  # noqa: BLE001 - any failure is told to the first process
        pipe.send(traceback.format_exc(limit=-2))
