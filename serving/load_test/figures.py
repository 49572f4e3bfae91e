"""The figures of a load: percentiles, throughput, errors, and whether the sender kept up."""

import collections
import math
from collections.abc import Sequence
from typing import Any

from serving.load_test.plan import OPEN, Load, Outcome

PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p99.9": 99.9, "max": 100}
_LATE_S = 0.005  # a sender is late when one request in a hundred was sent later than this...
_LATE_SHARE = 0.1  # ... and than this share of the median latency
_BUSY_SHARE = 0.9  # of a core: a process that sends no more than it can


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds by percentile, each of them a latency that was measured; {} for none."""
    if not seconds:
        return {}
    ranked = sorted(seconds)
    # Rounded first: 99.9 % of 2,000 is 1,998, and not the next float above it.
    places = {
        name: math.ceil(round(len(ranked) * percent / 100, 6)) - 1
        for name, percent in PERCENTILES.items()
    }
    return {name: round(ranked[place] * 1000, 3) for name, place in places.items()}


def figures(load: Load, outcomes: Sequence[Outcome], rows: int) -> dict[str, Any]:
    """What a report says of one load; `rows` are those of a request."""
    latencies = [one for outcome in outcomes for one in outcome.latencies]
    lateness = percentiles_ms([one for outcome in outcomes for one in outcome.lateness])
    errors: collections.Counter[str] = collections.Counter()
    messages: dict[str, str] = {}
    for outcome in outcomes:
        errors.update(outcome.errors)
        messages = outcome.messages | messages
    throughput = sum(outcome.completed for outcome in outcomes) / load.duration_s
    measured = percentiles_ms(latencies)
    busiest = max(outcome.cpu_share for outcome in outcomes)
    return {
        "loop": load.loop,
        "clients" if load.loop != OPEN else "rate": load.amount,
        "requests": len(latencies) + errors.total(),
        "errors": dict(sorted(errors.items())),
        "first_messages": dict(sorted(messages.items())),
        "requests_per_s": round(throughput, 2),
        "rows_per_s": round(throughput * rows, 2),
        "latency_ms": measured,
        "sender": {
            "lateness_ms": lateness if load.loop == OPEN else {},
            "busiest_process": round(busiest, 3),
            "limit": _limit(load, lateness, measured, busiest),
        },
    }


def _limit(
    load: Load, lateness: dict[str, float], latency: dict[str, float], busiest: float
) -> str | None:
    """How the load test itself got in the way; None where it did not."""
    allowed = max(_LATE_S * 1000, _LATE_SHARE * latency.get("p50", 0.0))
    if load.loop == OPEN and lateness and lateness["p99"] > allowed:
        return (
            f"1 % of the requests were sent {lateness['p99']:.0f} ms late or more, which their "
            "latency includes: give more --processes, or fewer requests"
        )
    if busiest > _BUSY_SHARE:
        return f"a process used {busiest:.0%} of a core: give more --processes"
    return None
