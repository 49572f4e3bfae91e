"""An epoch's sums over its steps as fields of its line in history.jsonl."""

from collections.abc import Mapping

from trainer.hardware import peak_gpu_memory_mib, peak_memory_mib
from trainer.metrics import COUNTS


def means(split: str, totals: Mapping[str, float], task: str) -> dict[str, float]:
    """The loss and the task's counts as means over the examples of a split."""
    return {
        f"{split}_{name}": totals[name] / totals["examples"] for name in ("loss", *COUNTS[task])
    }


def cost(totals: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Rates, and the shares that waiting for batches and padding took of the work.

    Args:
        totals: of an epoch of training, with "input_wait_s" and "padding" in tokens.
        seconds: that it took.
    """
    return {
        "seconds": round(seconds, 3),
        "examples_per_second": round(totals["examples"] / seconds, 2),
        "tokens_per_second": round(totals["tokens"] / seconds, 1),
        "input_wait_share": round(totals["input_wait_s"] / seconds, 4),
        "padding_share": round(totals["padding"] / (totals["tokens"] + totals["padding"]), 4),
    }


def peak_memory() -> dict[str, float]:
    """The most memory that this process has had, in MiB, and that of its GPUs where it has some."""
    gpu = peak_gpu_memory_mib()
    of_gpu = {} if gpu is None else {"peak_gpu_memory_mib": round(gpu, 1)}
    return {"peak_memory_mib": round(peak_memory_mib(), 1), **of_gpu}
