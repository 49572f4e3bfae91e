"""What a load test sends, and how: plain values, checked once."""

import dataclasses
import random
from collections.abc import Iterator

from preprocessing.errors import InputError
from serving.transport import Tls

CLOSED, OPEN = "closed", "open"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Who is asked.

    Attributes:
        endpoint: see `Client`.
        model, version: on the server; no version: the highest.
        signature_name: one that takes strings; None: the default one.
        timeout_s: deadline of each request; none is sent again.
        rows: texts, or questions with their contexts, of one request.
        tls: see `Client`.
    """

    endpoint: str
    model: str
    version: int | None
    signature_name: str | None
    timeout_s: float
    rows: int
    tls: Tls | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """One load, for a while.

    Attributes:
        loop: "closed": so many clients, each sends when it has its answer. "open": requests
            arrive by themselves at a rate, at random (Poisson), whatever the server does.
        amount: clients, or requests a second.
        warm_up_s: time before what is measured.
        duration_s: time that is measured.
        processes: that share the load.
        seed: of the arrivals and the texts.
    """

    loop: str
    amount: float
    warm_up_s: float
    duration_s: float
    processes: int
    seed: int

    def __post_init__(self) -> None:
        if self.amount <= 0 or self.duration_s <= 0 or self.warm_up_s < 0:
            raise InputError(
                f"a load of {self.amount:g} for {self.duration_s:g} s after {self.warm_up_s:g} s; "
                "expected numbers above 0 (the warm-up may be 0)."
            )
        if self.loop == CLOSED and self.amount != int(self.amount):
            raise InputError(f"--clients is {self.amount:g}, expected whole numbers.")

    @property
    def end_s(self) -> float:
        """Seconds from the start to the last send."""
        return self.warm_up_s + self.duration_s

    def clients_of(self, process: int) -> int:
        """Closed: how many clients a process is."""
        whole, rest = divmod(int(self.amount), self.processes)
        return whole + (process < rest)

    def arrivals_of(self, process: int) -> Iterator[float]:
        """Open: seconds from the start at which a process is to send, until the end.

        Poisson arrivals of several processes together are Poisson arrivals of the sum of the rates.
        """
        rng, at = random.Random(f"{self.seed} {process}"), 0.0
        while True:
            at += rng.expovariate(self.amount / self.processes)
            if at >= self.end_s:
                return
            yield at


@dataclasses.dataclass
class Outcome:
    """What one process saw of a load; times in seconds.

    Attributes:
        latencies: of good answers to requests meant to be sent while it was measured; in an open
            loop since that moment, so that a server which holds up the sender does not look fast.
        lateness: how long after that moment each of them was sent.
        errors: of the others, by code.
        messages: the first of each code.
        completed: good answers that came while it was measured.
        cpu_share: of one core, used by the process.
    """

    latencies: list[float] = dataclasses.field(default_factory=list)
    lateness: list[float] = dataclasses.field(default_factory=list)
    errors: dict[str, int] = dataclasses.field(default_factory=dict)
    completed: int = 0
    cpu_share: float = 0.0
    messages: dict[str, str] = dataclasses.field(default_factory=dict)
