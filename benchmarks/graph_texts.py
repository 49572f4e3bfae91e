"""Raw texts, and how fast something answers them: shared by the sides of `serving_graphs`.

Imports nothing of Bertline and no framework, so that the peer stands alone.
"""

import json
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

SHORT = {
    "imdb": ("One of the best films I have seen in years.",),
    "squad": (
        "Who built the bridge?",
        "The old bridge was built in 1894 by Ada Mills. It is 90 m long.",
    ),
}
SHORT_REQUESTS = 200
SHORT_WARMUP = 20

Text = Sequence[str]  # (review,), or (question, context)
Answer = Callable[[Sequence[Text]], Any]  # for a batch, until the answers are in memory


def read_texts(path: pathlib.Path) -> list[Text]:
    """The texts of a JSON file, a list of lists."""
    return json.loads(path.read_text(encoding="utf-8"))


def batches(texts: Sequence[Text], batch_size: int) -> list[Sequence[Text]]:
    """The texts in their order, the last batch perhaps smaller."""
    return [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]


def measure(answer: Answer, texts: Sequence[Text], batch_size: int, task: str) -> dict[str, float]:
    """Times all texts in batches, and a short one alone; each goes through once before.

    Args:
        answer: answers a batch.
        texts: to be answered in their order.
        batch_size: texts in one call.
        task: "imdb" or "squad".

    Returns:
        `texts_per_second`, and of the short text `median_ms` and `p95_ms`.
    """
    cut = batches(texts, batch_size)
    for batch in cut:
        answer(batch)
    started = time.perf_counter()
    for batch in cut:
        answer(batch)
    speed = len(texts) / (time.perf_counter() - started)
    alone = [SHORT[task]]
    times = [_milliseconds(answer, alone) for _ in range(SHORT_WARMUP + SHORT_REQUESTS)]
    times = sorted(times[SHORT_WARMUP:])
    return {
        "texts_per_second": speed,
        "median_ms": statistics.median(times),
        "p95_ms": times[int(0.95 * len(times))],
    }


def _milliseconds(answer: Answer, batch: Sequence[Text]) -> float:
    started = time.perf_counter()
    answer(batch)
    return 1000.0 * (time.perf_counter() - started)
