"""What is to go wrong in a server of these tests, and when."""

import collections
import dataclasses
import threading


@dataclasses.dataclass
class Fault:
    """One failure of one request.

    kind: "before" refuses it; "after" does it and loses the answer; "drop" does it and cuts the
    connection; "operation" lets its operation end in the error; "hold" says that the request is
    there and does not answer until it is let go.
    """

    kind: str
    code: str = "UNAVAILABLE"  # of gRPC; of HTTP a number
    message: str = "try again"
    reached: threading.Event = dataclasses.field(default_factory=threading.Event)
    let_go: threading.Event = dataclasses.field(default_factory=threading.Event)

    def hold(self) -> None:
        self.reached.set()
        self.let_go.wait(60)


class Faults:
    """Per method, in the order in which they happen; each happens once."""

    def __init__(self):
        self._of_method = collections.defaultdict(collections.deque)

    def add(self, method, *faults):
        self._of_method[method].extend(faults)
        return faults[0]

    def next(self, method):
        waiting = self._of_method[method]
        return waiting.popleft() if waiting else None

    def clear(self):
        self._of_method.clear()

    def left(self):
        return [method for method, waiting in self._of_method.items() if waiting]
