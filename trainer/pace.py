"""How fast steps are done, without the first one, which traces the graph."""

import collections
import dataclasses

WINDOW = 100  # steps: one whose length is new compiles kernels, and is soon forgotten


@dataclasses.dataclass(frozen=True)
class Rates:
    """What is done in a second."""

    examples: float
    tokens: float
    steps: float


class Pace:
    """Counts steps from the end of the first one on.

    Args:
        window: how many of the last steps count.
    """

    def __init__(self, window: int = WINDOW):
        # When a step ended, and the examples and tokens of all steps up to it.
        self._ends: collections.deque[tuple[float, int, int]] = collections.deque(maxlen=window + 1)

    def add(self, now: float, examples: int, tokens: int) -> Rates | None:
        """Counts a step.

        Args:
            now: when it ended, in seconds.
            examples: of the step.
            tokens: of the step, without padding.

        Returns:
            The rates over the window; None for the first step.
        """
        _, all_examples, all_tokens = self._ends[-1] if self._ends else (now, 0, 0)
        self._ends.append((now, all_examples + examples, all_tokens + tokens))
        started, examples_before, tokens_before = self._ends[0]
        if len(self._ends) == 1:
            return None
        seconds = max(now - started, 1e-9)
        return Rates(
            examples=(all_examples + examples - examples_before) / seconds,
            tokens=(all_tokens + tokens - tokens_before) / seconds,
            steps=(len(self._ends) - 1) / seconds,
        )

    def restart(self) -> None:
        """Counts anew from the end of the last step."""
        last = self._ends[-1]
        self._ends.clear()
        self._ends.append(last)
