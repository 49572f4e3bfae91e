"""Ctrl-C and the SIGTERM of a machine that is taken away: finish the step, save, stop."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_S = 3.0  # for an exception to end the process, before there is something to save


class StoppedError(Exception):
    """The run has stopped on request; the message says where."""


class Interrupts:
    """Notes signals, as a context manager in the main thread; elsewhere there are none to note.

    Up to `defer` a signal ends the process by an exception, since there is nothing to save, and
    inside `left_to_system` as the system has it. After that the first one only sets `requested`,
    and the second ends the process at once. A thread reads them, since Python's own handlers would
    wait for the end of a TensorFlow call.
    """

    def __init__(self) -> None:
        self.requested: int | None = None
        self._deferred, self._left = False, threading.Event()
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            reader, self._writer = socket.socketpair()
            self._writer.setblocking(False)
            self._previous_fd = signal.set_wakeup_fd(self._writer.fileno())
            self._previous = {n: signal.signal(n, self._handle) for n in SIGNALS}
            threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left.set()
        if self._previous:
            for number, handler in self._previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._previous_fd)
            self._writer.close()  # ends the thread

    @contextlib.contextmanager
    def left_to_system(self) -> Iterator[None]:
        """Gives the signals away while the strategy is made: TensorFlow lets no Python run while
        it connects to the other workers, and takes SIGTERM for itself, which this takes back."""
        for number in self._previous:
            signal.signal(number, signal.SIG_DFL)
        yield
        for number in self._previous:
            signal.signal(number, self._handle)

    def defer(self) -> None:
        """From now on a signal waits until it is asked for."""
        self._deferred = True

    def leave(self) -> NoReturn:
        """Ends the run: with status 0, but after Ctrl-C as Ctrl-C ends a process.

        Raises:
            KeyboardInterrupt: this process got SIGINT.
            SystemExit: it got SIGTERM, or another worker was stopped; with status 0.
        """
        if self.requested == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(0)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = number
        if not self._deferred:
            logger.info("stopped before the first step; the same command starts it again")
            self.leave()

    def _watch(self, reader: socket.socket) -> None:
        waiting = False
        with reader:
            while received := reader.recv(1):
                number = received[0]
                if number not in SIGNALS:
                    continue
                if waiting:
                    _end_at_once("ended at once; the last checkpoint is whole", 128 + number)
                elif self._deferred:
                    self.requested, waiting = number, True
                elif not self._left.wait(GRACE_S):  # such as a download that does not go on
                    status = 130 if number == signal.SIGINT else 0
                    _end_at_once("stopped before the first step", status)


def _end_at_once(text: str, status: int) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())
    os._exit(status)
